use super::*;

fn spread(code: &str) -> Vec<String> {
    let text = |named: &Named| match &named.alias {
        Some(alias) => format!("{} {} as {alias}", named.line, named.segments.join("::")),
        None => format!("{} {}", named.line, named.segments.join("::")),
    };
    paths(code).iter().map(text).collect()
}

#[test]
fn trees_of_use_are_spread_out() {
    assert_eq!(
        spread("use a::b;\nuse c::{self, d::{e, f as g},\n h::*};\nuse ::i as j;\npub(crate) use k;"),
        ["1 a::b as b", "2 c as c", "2 c::d::e as e", "2 c::d::f as g", "3 c::h::* as *", "4 i as j", "5 k as k"]
    );
}

#[test]
fn paths_are_found_wherever_they_stand() {
    assert_eq!(
        spread(
            "fn f(x: std::fs::File) -> a::B<c::D> {\n    ::e::f(); g.h::<u8>(); i::<u8>::new(); <T as j::K>::l()\n}"
        ),
        ["1 std::fs::File", "1 a::B", "1 c::D", "2 e::f", "2 j::K"]
    );
}
