//! What is taken of other trust domains, what is refused, and what is said of it.

use super::*;
use selvedge_config::SourceFile;
use selvedge_identity::{Authority, Realm};

const NOW: u64 = 1_800_000_000;

fn partner() -> TrustDomain {
    TrustDomain::parse("partner.example").unwrap()
}

fn bundle_of(domain: &TrustDomain, now: u64) -> TrustBundle {
    Realm::create(Authority::create(domain, now).unwrap(), now).unwrap().bundle()
}

/// The documents of a mesh that federates with the partner, beginning with this bundle.
fn checked(first: Option<&TrustBundle>) -> Checked {
    let first = first.map(|first| format!("      bundle: '{}'\n", first.to_spiffe(60))).unwrap_or_default();
    let federation = format!(
        "  federatesWith:\n    partner.example:\n      endpoint: https://partner.example/\n      profile: https_web\n{first}"
    );
    let text = |file: &SourceFile| file.text.replace("  authority:", &format!("{federation}  authority:"));
    let files: Vec<SourceFile> = selvedge_config::template()
        .iter()
        .map(|file| SourceFile { name: file.name.clone(), text: text(file).into() })
        .collect();
    selvedge_plan::check(&files).unwrap_or_else(|found| panic!("{found:?}")).0
}

fn written(checked: &Checked) -> Written {
    checked.mesh.federates_with[&partner()].clone()
}

fn fetched(bundle: &TrustBundle, hint: Option<u64>) -> Result<ForeignBundle, String> {
    Ok(ForeignBundle { bundle: bundle.clone(), refresh_hint_s: hint })
}

fn ours() -> TrustBundle {
    bundle_of(&TrustDomain::parse("acme.example").unwrap(), NOW)
}

#[test]
fn the_first_bundle_counts_until_one_is_fetched_and_the_last_good_one_stays() {
    let first = bundle_of(&partner(), NOW);
    let next = TrustBundle { sequence: first.sequence + 1, ..bundle_of(&partner(), NOW) };
    let checked = checked(Some(&first));
    let mut federation = Federation::default();
    assert_eq!(federation.bundles(&checked), std::slice::from_ref(&first));
    assert!(federation.note(&written(&checked), fetched(&next, Some(60)), &ours(), NOW));
    assert_eq!(federation.bundles(&checked), std::slice::from_ref(&next));
    for bad in [Err("it is away".to_owned()), fetched(&first, None)] {
        assert!(!federation.note(&written(&checked), bad, &ours(), NOW + 1));
        assert_eq!(federation.bundles(&checked), std::slice::from_ref(&next));
    }
}

#[test]
fn a_new_beginning_forgets_what_was_known() {
    let (first, second) = (bundle_of(&partner(), NOW), bundle_of(&partner(), NOW));
    let (before, after) = (checked(Some(&first)), checked(Some(&second)));
    let mut federation = Federation::default();
    let far = TrustBundle { sequence: 900, ..first };
    federation.note(&written(&before), fetched(&far, None), &ours(), NOW);
    assert_eq!(federation.bundles(&after), std::slice::from_ref(&second));
    // Also its sequence number.
    assert!(!federation.note(&written(&after), fetched(&second, None), &ours(), NOW));
    assert_eq!(federation.status(&after, NOW)[0].error, None);
}

#[test]
fn our_own_root_is_refused() {
    let (ours, checked) = (ours(), checked(None));
    let mut federation = Federation::default();
    let stolen = TrustBundle { trust_domain: partner(), ..ours.clone() };
    assert!(!federation.note(&written(&checked), fetched(&stolen, None), &ours, NOW));
    assert!(federation.bundles(&checked).is_empty());
    assert!(federation.alarms(&checked, NOW)[0].contains("of this very mesh"));
}

#[test]
fn a_refresh_hint_is_bounded() {
    let (bundle, checked) = (bundle_of(&partner(), NOW), checked(None));
    for (hint, refresh_s) in [(Some(0), 5), (Some(u64::MAX), 86_400), (None, 300), (Some(77), 77)] {
        let mut federation = Federation::default();
        federation.note(&written(&checked), fetched(&bundle, hint), &ours(), NOW);
        assert_eq!(federation.known(&written(&checked)).unwrap().refresh_s, refresh_s, "{hint:?}");
    }
}

#[test]
fn an_alarm_says_what_is_wrong_before_it_hurts() {
    let (bundle, checked) = (bundle_of(&partner(), NOW), checked(None));
    let mut federation = Federation::default();
    let alarm = |federation: &Federation, now| federation.alarms(&checked, now).join("\n");
    assert!(alarm(&federation, NOW).contains("not fetched yet"));
    federation.note(&written(&checked), fetched(&bundle, Some(60)), &ours(), NOW);
    assert_eq!(alarm(&federation, NOW), "");
    federation.note(&written(&checked), Err("it is away".to_owned()), &ours(), NOW + 60);
    assert_eq!(alarm(&federation, NOW + 120), "", "one miss is none");
    assert!(alarm(&federation, NOW + 181).contains("the last good one stays: it is away"));
    let ends = facts(&bundle.roots[0]).unwrap().not_after;
    assert!(alarm(&federation, ends - 3_600).contains("ends within a day"));
    assert!(alarm(&federation, ends + 1).contains("has ended"));
    let none = TrustBundle { roots: Vec::new(), ..bundle };
    federation.note(&written(&checked), fetched(&none, None), &ours(), NOW);
    assert!(alarm(&federation, NOW).contains("taken back"));
}

#[test]
fn what_is_no_longer_named_is_no_longer_distributed() {
    let (bundle, before) = (bundle_of(&partner(), NOW), checked(None));
    let mut federation = Federation::default();
    federation.note(&written(&before), fetched(&bundle, None), &ours(), NOW);
    let after = selvedge_plan::check(&selvedge_config::template()).unwrap().0;
    assert!(federation.bundles(&after).is_empty());
}
