//! What `selvedge init` writes: a small commented mesh repository that checks clean.

use crate::SourceFile;

/// The files of a new mesh repository.
pub fn template() -> Vec<SourceFile> {
    let files =
        [("mesh.yaml", include_str!("template/mesh.yaml")), ("orders.yaml", include_str!("template/orders.yaml"))];
    files.into_iter().map(|(name, text)| SourceFile { name: name.into(), text: text.into() }).collect()
}
