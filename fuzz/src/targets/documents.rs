//! Documents of a mesh repository: whatever the text, `check` answers, and what it finds can be shown.

use selvedge_config::{SourceFile, check, render, template};

/// Files are apart where a NUL stands.
pub(super) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let file = |(index, text): (usize, &str)| SourceFile { name: format!("{index}.yaml").into(), text: text.into() };
    let files: Vec<SourceFile> = text.split('\0').enumerate().map(file).collect();
    match check(&files) {
        Ok(checked) => {
            let again = check(&files).expect("the same files check again");
            assert_eq!(format!("{checked:?}"), format!("{again:?}"), "one text, one meaning");
        }
        Err(found) => {
            assert!(!found.is_empty(), "a refusal says why");
            let places = |d: &selvedge_config::Diagnostic| (d.file.clone(), d.line, d.column);
            assert!(found.is_sorted_by_key(places), "findings are sorted");
            assert!(!render(&found, &files, false).is_empty(), "findings can be shown");
        }
    }
}

pub(super) fn inputs() -> Vec<Vec<u8>> {
    let files = template();
    let mut inputs: Vec<Vec<u8>> = files.iter().map(|file| file.text.as_bytes().to_vec()).collect();
    let all: Vec<&str> = files.iter().map(|file| &*file.text).collect();
    inputs.push(all.join("\0").into_bytes());
    inputs.extend(all.iter().flat_map(|text| text.split("---\n")).map(|document| document.as_bytes().to_vec()));
    inputs
}
