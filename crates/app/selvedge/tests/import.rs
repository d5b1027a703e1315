//! What `selvedge import openapi` writes checks clean, and a description that rules and files disagree about does not.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Output};

const MESH: &str = "apiVersion: selvedge.dev/v1
kind: Mesh
metadata: { name: acme }
spec: { trustDomain: acme.example }
---
apiVersion: selvedge.dev/v1
kind: Gateway
metadata: { name: public }
spec: { listeners: [{ port: 8080, protocol: HTTP, hosts: [api.acme.example] }] }
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: shop }
spec: { ports: [{ name: http, port: 8081, protocol: HTTP }], endpoints: [127.0.0.1] }
";

fn selvedge(arguments: &[&str], directory: &Path) -> Result<Output, Box<dyn Error>> {
    Ok(Command::new(env!("CARGO_BIN_EXE_selvedge")).args(arguments).current_dir(directory).output()?)
}

#[test]
fn what_is_imported_checks_clean() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let at = |name: &str| directory.path().join(name);
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../cases/inputs/shop.openapi.yaml");
    std::fs::copy(shop, at("shop.openapi.yaml"))?;
    std::fs::write(at("mesh.yaml"), MESH)?;
    let import = ["import", "openapi", "shop.openapi.yaml", "--service", "shop", "--gateway", "public", "--anonymous"];
    let imported = selvedge(&import, directory.path())?;
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let document = String::from_utf8(imported.stdout)?;
    assert!(document.contains("paths: [\"/orders/{id}\"]"), "{document}");
    std::fs::write(at("access.yaml"), &document)?;
    let checked = selvedge(&["check", "."], directory.path())?;
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));

    // A path that the description has not.
    std::fs::write(at("access.yaml"), document.replace("\"/login\"", "\"/logout\""))?;
    let checked = selvedge(&["check", "."], directory.path())?;
    let said = String::from_utf8(checked.stderr)?;
    assert_eq!(checked.status.code(), Some(1));
    assert!(said.contains("not-described") && said.contains("POST /logout"), "{said}");
    Ok(())
}

#[test]
fn a_credential_is_chosen_in_so_many_words() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let import = ["import", "openapi", "shop.openapi.yaml", "--service", "shop", "--gateway", "public"];
    assert_eq!(selvedge(&import, directory.path())?.status.code(), Some(2));
    Ok(())
}
