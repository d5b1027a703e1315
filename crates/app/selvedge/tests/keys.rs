//! `selvedge keys` on a repository: a key is made, replaced and taken back, and its secret is nowhere in it.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn selvedge(directory: &Path, arguments: &[&str]) -> Result<Output, Box<dyn Error>> {
    let place = directory.to_str().ok_or("no text")?;
    Ok(Command::new(env!("CARGO_BIN_EXE_selvedge")).args(arguments).args(["--directory", place]).output()?)
}

fn repository() -> Result<tempfile::TempDir, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let mesh = "apiVersion: selvedge.dev/v1\nkind: Mesh\nmetadata: { name: acme }\n\
                spec: { trustDomain: acme.example, apiKeys: { partners: { header: X-API-Key } } }\n";
    fs::write(directory.path().join("mesh.yaml"), mesh)?;
    Ok(directory)
}

fn list(directory: &Path) -> Result<Vec<serde_json::Value>, Box<dyn Error>> {
    let output = selvedge(directory, &["--output", "json", "keys", "list"])?;
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    Ok(listed.get("keys").and_then(serde_json::Value::as_array).cloned().unwrap_or_default())
}

#[test]
fn a_key_is_made_replaced_and_taken_back() -> Result<(), Box<dyn Error>> {
    let directory = repository()?;
    let place = directory.path();
    let made =
        selvedge(place, &["keys", "create", "--set", "partners", "--owner", "a \"b\": c", "--scope", "read,write"])?;
    let key = String::from_utf8(made.stdout)?.trim().to_owned();
    let (id, secret) = (key.get(4..20).ok_or("short")?.to_owned(), key.get(21..).ok_or("short")?.to_owned());
    assert_eq!((made.status.code(), key.len()), (Some(0), 64), "{key}");
    let [listed] = &list(place)?[..] else { panic!("not one key") };
    assert_eq!((&listed["owner"], &listed["id"]), (&"a \"b\": c".into(), &id.as_str().into()));
    assert_eq!((&listed["state"], &listed["scopes"]), (&"counts".into(), &serde_json::json!(["read", "write"])));

    assert_eq!(selvedge(place, &["keys", "rotate", &id, "--overlap", "1"])?.status.code(), Some(0));
    let both = list(place)?;
    assert!(both.len() == 2 && both.iter().all(|key| key["state"] == "counts"), "{both:?}");
    let expiries: Vec<&str> = both.iter().filter_map(|key| key["expires"].as_str()).collect();
    assert_ne!(expiries.first(), expiries.last());

    // The whole key is what people have at hand when one was lost.
    assert_eq!(selvedge(place, &["keys", "revoke", &key])?.status.code(), Some(0));
    let revoked: Vec<_> = list(place)?.into_iter().filter(|key| key["state"] == "revoked").collect();
    assert!(matches!(&revoked[..], [one] if one["id"] == id.as_str()), "{revoked:?}");

    let text = fs::read_to_string(place.join("api-keys-partners.yaml"))?;
    assert!(!text.contains(&secret) && !text.contains(&key));
    Ok(())
}

#[test]
fn what_cannot_be_is_refused_and_writes_nothing() -> Result<(), Box<dyn Error>> {
    let directory = repository()?;
    for arguments in [
        &["keys", "create", "--set", "strangers", "--owner", "a"][..],
        &["keys", "create", "--set", "partners", "--owner", "a", "--days", "0"],
        &["keys", "revoke", "0123456789abcdef"],
        &["keys", "rotate", "0123456789abcdef"],
    ] {
        assert_eq!(selvedge(directory.path(), arguments)?.status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(fs::read_dir(directory.path())?.count(), 1);
    Ok(())
}
