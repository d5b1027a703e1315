//! The commands that ask a policy, as a user runs them: what they print, and how they exit.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Output};

type Done = Result<(), Box<dyn Error>>;

/// Two services behind a gateway, with a guardrail and expectations.
const MESH: &str = r#"apiVersion: selvedge.dev/v1
kind: Mesh
metadata: { name: acme }
spec:
  trustDomain: acme.example
  issuers:
    corporate: { issuer: "https://login.acme.example", audiences: ["https://api.acme.example"] }
---
apiVersion: selvedge.dev/v1
kind: Gateway
metadata: { name: public }
spec:
  listeners:
    - { port: 8443, protocol: HTTPS, hosts: [api.acme.example], tls: { mesh: true } }
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: orders }
spec:
  workload: { unix: { user: orders } }
  ports: [{ name: http, port: 8080, protocol: HTTP }, { name: book, port: 8090, protocol: TCP }]
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: checkout }
spec:
  workload: { unix: { user: checkout } }
  ports: [{ name: http, port: 8081, protocol: HTTP }]
  outbound: { http: "127.0.0.1:15001" }
"#;

const ACCESS: &str = r#"apiVersion: selvedge.dev/v1
kind: Access
metadata: { name: orders }
spec:
  service: orders
  rules:
    - name: customers-read
      from: { gateway: public, token: corporate, scopes: ["orders:read"] }
      ports: [http]
      methods: [GET]
      paths: [/orders, "/orders/{id}"]
    - name: checkout-writes
      from: { service: checkout }
      ports: [http]
      methods: [POST]
      paths: ["/orders/**"]
    - { name: checkout-books, from: { service: checkout }, ports: [book] }
"#;

const GUARDRAIL: &str =
    "@id(\"sealed\")\nforbid(principal, action, resource) when { context.path like \"/orders/sealed*\" };\n";

fn repository() -> Result<tempfile::TempDir, Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    std::fs::write(place.path().join("mesh.yaml"), MESH)?;
    std::fs::write(place.path().join("access.yaml"), ACCESS)?;
    std::fs::write(place.path().join("guard.cedar"), GUARDRAIL)?;
    Ok(place)
}

/// The other repository: one rule with another text, for better or worse.
fn changed(from: &str, to: &str) -> Result<tempfile::TempDir, Box<dyn Error>> {
    let place = repository()?;
    assert!(ACCESS.contains(from), "`{from}` is not in the documents");
    std::fs::write(place.path().join("access.yaml"), ACCESS.replace(from, to))?;
    Ok(place)
}

fn run(program: &str, arguments: &[&str], directory: &Path) -> Result<Output, Box<dyn Error>> {
    Ok(Command::new(program).args(arguments).current_dir(directory).output()?)
}

fn selvedge(arguments: &[&str], directory: &Path) -> Result<(Option<i32>, String), Box<dyn Error>> {
    let done = run(env!("CARGO_BIN_EXE_selvedge"), arguments, directory)?;
    let text = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    Ok((done.status.code(), text.into_owned()))
}

#[test]
fn who_can_names_each_caller_its_conditions_and_the_rule() -> Done {
    let place = repository()?;
    let (code, text) = selvedge(&["who-can", "orders", "GET /orders/1"], place.path())?;
    let line = "  public @ api.acme.example: token of corporate  :http  when scope orders:read  orders/customers-read  access.yaml:7";
    assert_eq!((code, text.lines().nth(1)), (Some(0), Some(line)), "{text}");
    let (code, text) = selvedge(&["who-can", "orders", "DELETE /orders/1"], place.path())?;
    assert!(code == Some(1) && text.contains("nobody can"), "{text}");
    let (code, text) = selvedge(&["who-can", "order", "GET /"], place.path())?;
    assert!(code == Some(2) && text.contains("there are checkout, orders"), "{text}");
    Ok(())
}

#[test]
fn can_tells_a_part_from_the_whole() -> Done {
    let place = repository()?;
    let (code, text) = selvedge(&["can", "checkout", "orders", "POST /orders/sealed/1"], place.path())?;
    assert!(code == Some(1) && text.contains("denied"), "{text}");
    let (code, text) = selvedge(&["can", "service:checkout", "orders", "POST /orders/**"], place.path())?;
    assert!(code == Some(0) && text.contains("unless path like \"/orders/sealed*\""), "{text}");
    let (code, text) = selvedge(&["can", "gateway:public@api.acme.example", "orders", "GET /orders"], place.path())?;
    assert!(code == Some(0) && text.contains("when scope orders:read"), "{text}");
    let (code, _) = selvedge(&["can", "gateway:public@other.example", "orders", "GET /orders"], place.path())?;
    assert_eq!(code, Some(1));
    Ok(())
}

#[test]
fn reach_lists_requests_and_connections() -> Done {
    let place = repository()?;
    let (code, text) = selvedge(&["reach", "checkout"], place.path())?;
    assert_eq!(code, Some(0));
    assert!(text.starts_with("checkout reaches 1 service\n"), "{text}");
    assert!(text.contains("orders:book connection") && text.contains("orders:http POST /orders"), "{text}");
    assert_eq!(selvedge(&["reach", "orders"], place.path())?.0, Some(1));
    Ok(())
}

#[test]
fn plan_tells_what_widens_and_what_narrows() -> Done {
    let old = repository()?;
    let against = |new: &Path, more: &[&str]| -> Result<(Option<i32>, String), Box<dyn Error>> {
        let old = old.path().to_string_lossy().into_owned();
        selvedge(&[&["plan", "--against", &old, "--no-widening"], more].concat(), new)
    };
    let wider = changed("methods: [POST]", "methods: [POST, PUT]")?;
    let (code, text) = against(wider.path(), &[])?;
    assert!(
        code == Some(1)
            && text
                .contains("+  mesh  checkout  PUT /orders/** except /orders/sealed/**  denied → always, unless sealed"),
        "{text}"
    );
    let narrower = changed("scopes: [\"orders:read\"]", "scopes: [\"orders:read\", audit]")?;
    let (code, text) = against(narrower.path(), &[])?;
    assert!(code == Some(0) && text.contains("when scope orders:read → when scope orders:read, scope audit"), "{text}");
    let (code, text) = against(narrower.path(), &["--markdown"])?;
    assert!(code == Some(0) && text.contains("| - | edge | public \\@ api.acme.example"), "{text}");
    let same = changed("paths: [/orders, \"/orders/{id}\"]", "paths: [\"/orders/{number}\", /orders]")?;
    let (code, text) = against(same.path(), &[])?;
    assert!(code == Some(0) && text.starts_with("the same as"), "{text}");
    let (_, json) = against(wider.path(), &["--output", "json"])?;
    assert!(json.contains("\"widens\":true"), "{json}");
    Ok(())
}

#[test]
fn plan_compares_with_a_git_revision_and_leaves_the_checkout_alone() -> Done {
    let place = repository()?;
    let git = |arguments: &[&str]| -> Done {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@acme.example"];
        let done = run("git", &[&identity, arguments].concat(), place.path())?;
        if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).into()) }
    };
    git(&["init", "-q"])?;
    git(&["add", "."])?;
    git(&["commit", "-q", "-m", "first"])?;
    std::fs::write(place.path().join("access.yaml"), ACCESS.replace("[GET]", "[GET, HEAD]"))?;
    let (code, text) = selvedge(&["plan", "--no-widening"], place.path())?;
    assert!(code == Some(1) && text.contains("HEAD /orders"), "{text}");
    let kept = std::fs::read_to_string(place.path().join("access.yaml"))?;
    assert!(kept.contains("[GET, HEAD]"));
    let (code, text) = selvedge(&["plan", "--against", "nowhere"], place.path())?;
    assert!(code == Some(2) && text.contains("neither a directory nor a Git revision"), "{text}");
    assert_eq!(selvedge(&["plan", "--against=--output=x"], place.path())?.0, Some(2));
    Ok(())
}

#[test]
fn test_decides_cases_and_proves_invariants() -> Done {
    let place = repository()?;
    let (code, text) = selvedge(&["test"], place.path())?;
    assert!(code == Some(0) && text.starts_with("no expectations"), "{text}");
    let expectation = |method: &str| {
        format!(
            "apiVersion: selvedge.dev/v1\nkind: Expectation\nmetadata: {{ name: orders }}\nspec:\n  cases:\n    \
             - {{ name: a customer reads, from: {{ gateway: public, token: {{ issuer: corporate, scopes: [\"orders:read\"] }} }}, \
             to: orders, request: \"{method} /orders/1\", expect: allow, rule: customers-read }}\n  never:\n    \
             - {{ name: sealed orders stay sealed, from: {{ services: [checkout] }}, to: orders, request: \"POST /orders/sealed/**\" }}\n"
        )
    };
    std::fs::write(place.path().join("expectations.yaml"), expectation("GET"))?;
    let (code, text) = selvedge(&["test"], place.path())?;
    assert_eq!((code, text.trim()), (Some(0), "2 expectations hold, 1 of them proved for every request"));
    std::fs::write(place.path().join("expectations.yaml"), expectation("PUT"))?;
    std::fs::remove_file(place.path().join("guard.cedar"))?;
    let (code, text) = selvedge(&["test"], place.path())?;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("fails  orders: a customer reads  expectations.yaml:6"), "{text}");
    assert!(text.contains("checkout can: orders:http POST /orders/sealed"), "{text}");
    assert!(text.contains("orders/checkout-writes access.yaml:12"), "{text}");
    assert!(text.ends_with("2 of 2 expectations failed\n"), "{text}");
    Ok(())
}

#[test]
fn a_finding_fails_the_check_only_where_it_is_denied() -> Done {
    let place = changed("token: corporate, scopes: [\"orders:read\"]", "anonymous: true")?;
    let (code, text) = selvedge(&["check"], place.path())?;
    assert!(code == Some(0) && text.contains("exposure-without-credential  access.yaml:7"), "{text}");
    assert_eq!(selvedge(&["check", "--deny", "exposure-without-credential"], place.path())?.0, Some(1));
    assert_eq!(selvedge(&["check", "--deny", "all"], place.path())?.0, Some(1));
    assert_eq!(selvedge(&["check", "--deny", "unused-label,unused-service"], place.path())?.0, Some(0));
    let (code, text) = selvedge(&["check", "--deny", "nonsense"], place.path())?;
    assert!(code == Some(2) && text.contains("there is no finding `nonsense`"), "{text}");
    Ok(())
}

#[test]
fn a_repository_with_errors_is_not_asked() -> Done {
    let place = changed("service: orders", "service: order")?;
    for arguments in
        [&["who-can", "orders", "GET /"][..], &["reach", "checkout"], &["test"], &["plan", "--against", "."]]
    {
        let (code, text) = selvedge(arguments, place.path())?;
        assert!(code == Some(2) && text.contains("`selvedge check` shows them"), "{arguments:?} {text}");
    }
    Ok(())
}
