//! `selvedge import openapi FILE`: an `Access` document that opens what a description describes, and nothing else.

use super::Output;
use crate::say::say;
use anyhow::{Context, Result, bail};
use selvedge_config::SourceFile;
use selvedge_config::data::SchemaFile;
use selvedge_model::Name;
use selvedge_schema::{Described, operations};
use std::collections::BTreeMap;
use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Rules from an OpenAPI 3.0 or 3.1 description, one for each path.
    Openapi(Arguments),
}

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The description; it stands in the mesh repository, beside the document that is printed.
    file: PathBuf,
    /// The service that it describes.
    #[arg(long)]
    service: String,
    /// The gateway through which it is opened.
    #[arg(long)]
    gateway: String,
    /// The issuer whose tokens callers must show.
    #[arg(long, required_unless_present = "anonymous")]
    token: Option<String>,
    /// Open it to everyone, without a credential.
    #[arg(long, conflicts_with = "token")]
    anonymous: bool,
}

/// Prints the document.
pub(super) fn run(command: &Command, output: Output) -> Result<ExitCode> {
    let Command::Openapi(arguments) = command;
    let name = arguments.file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !SchemaFile::is_named(name) {
        bail!("let the file's name end in `.openapi.yaml`, `.openapi.yml` or `.openapi.json`: rules name it so");
    }
    for text in [Some(&arguments.service), Some(&arguments.gateway), arguments.token.as_ref()].into_iter().flatten() {
        Name::parse(text).map_err(|error| anyhow::anyhow!("`{text}` is no name: {error}"))?;
    }
    let text = std::fs::read_to_string(&arguments.file)
        .with_context(|| format!("cannot read `{}`", arguments.file.display()))?;
    let file = SchemaFile::read(name, &text).map_err(|message| anyhow::anyhow!("`{name}`: {message}"))?;
    let described = match operations(&file) {
        Ok(described) => described,
        Err(found) => {
            let files = [SourceFile { name: name.into(), text: text.into() }];
            bail!("\n{}", selvedge_config::render(&found, &files, false));
        }
    };
    let document = document(arguments, name, &described);
    match output {
        Output::Text => say(stdout(), document.trim_end()),
        Output::Json => say(stdout(), &serde_json::json!({ "document": document }).to_string()),
    }
    Ok(ExitCode::SUCCESS)
}

fn document(arguments: &Arguments, file: &str, described: &[Described]) -> String {
    let Arguments { service, gateway, token, .. } = arguments;
    let mut paths: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Described { path, method } in described {
        paths.entry(path).or_default().push(method);
    }
    let credential = match token {
        Some(issuer) => format!("token: {issuer}"),
        None => "anonymous: true".to_owned(),
    };
    let mut text = format!(
        "# Written by `selvedge import openapi {file}`. Add scopes, conditions and limits where they are needed.\n\
         apiVersion: selvedge.dev/v1\nkind: Access\nmetadata: {{ name: {service} }}\nspec:\n  service: {service}\n  rules:\n"
    );
    let mut names: Vec<String> = Vec::new();
    for (path, methods) in paths {
        let name = rule_name(path, &names);
        text.push_str(&format!(
            "    - name: {name}\n      from: {{ gateway: {gateway}, {credential} }}\n      methods: [{}]\n      \
             paths: [\"{path}\"]\n      schema: {file}\n",
            methods.join(", ")
        ));
        names.push(name);
    }
    text
}

/// A name made of a path's words, with a number where it is taken.
fn rule_name(path: &str, taken: &[String]) -> String {
    let plain = path.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let joined: String = words.join("-").chars().take(48).collect();
    let base = if joined.is_empty() { "root".to_owned() } else { joined.trim_end_matches('-').to_owned() };
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(base)
}
