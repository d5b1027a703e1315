//! `selvedge keys create|rotate|revoke|list`: API keys as documents of the mesh repository, of which only hashes are written.

mod file;

use super::Output;
use crate::repository;
use crate::say::say;
use anyhow::{Context, Result, bail};
use file::KeyFile;
use selvedge_authn::new_key;
use selvedge_config::checked::{ApiKey, Checked};
use selvedge_model::Name;
use selvedge_net::{now_s, random_bytes};
use std::io::{stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use time::OffsetDateTime;

/// A year: long enough to forget a key, short enough to be found out.
const DAYS: u32 = 365;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Make a key for an owner. It is printed once; the repository gets its hash.
    Create(Create),
    /// Make a key in place of another, which counts for a while longer.
    Rotate(Rotate),
    /// Take a key back.
    Revoke(Revoke),
    /// Show every key, and until when it counts.
    List(Where),
}

#[derive(clap::Args)]
pub(super) struct Where {
    /// The mesh repository.
    #[arg(long, default_value = ".")]
    directory: PathBuf,
}

#[derive(clap::Args)]
pub(super) struct Create {
    /// The set, as `apiKeys` in the `Mesh` document names it.
    #[arg(long)]
    set: String,
    /// Whom the key speaks for.
    #[arg(long)]
    owner: String,
    /// What it may do; may be given again, or with commas.
    #[arg(long, value_delimiter = ',', num_args = 1)]
    scope: Vec<String>,
    /// Days until it expires.
    #[arg(long, default_value_t = DAYS)]
    days: u32,
    #[command(flatten)]
    place: Where,
}

#[derive(clap::Args)]
pub(super) struct Rotate {
    /// The id of the key to replace.
    id: String,
    /// Days for which the old key still counts.
    #[arg(long, default_value_t = 7)]
    overlap: u32,
    /// Days until the new key expires.
    #[arg(long, default_value_t = DAYS)]
    days: u32,
    #[command(flatten)]
    place: Where,
}

#[derive(clap::Args)]
pub(super) struct Revoke {
    /// The key's id: the 16 digits after `svk_`.
    id: String,
    #[command(flatten)]
    place: Where,
}

pub(super) fn run(command: Command, output: Output) -> Result<ExitCode> {
    match command {
        Command::Create(create) => {
            let checked = check(&create.place.directory)?;
            let set = Name::parse(&create.set).ok().filter(|set| checked.mesh.api_keys.contains_key(set));
            let Some(set) = set else {
                let sets: Vec<&str> = checked.mesh.api_keys.keys().map(Name::as_str).collect();
                let there = if sets.is_empty() {
                    "there is none yet".to_owned()
                } else {
                    format!("there are: {}", sets.join(", "))
                };
                bail!("there is no set `{}`: add it to `apiKeys` in the Mesh document; {there}", create.set);
            };
            add(&create.place.directory, (&set, &create.owner, &create.scope), create.days, output)
        }
        Command::Rotate(rotate) => {
            let directory = &rotate.place.directory;
            let (set, old) = find(&check(directory)?, &rotate.id)?;
            let scopes: Vec<String> = old.scopes.iter().map(ToString::to_string).collect();
            let until = now_s() + u64::from(rotate.overlap) * 86_400;
            let done = add(directory, (&set, &old.owner, &scopes), rotate.days, output)?;
            if until < old.expires_s {
                change(directory, &old, "expires", &format!("{:?}", written(until)?))?;
            }
            Ok(done)
        }
        Command::Revoke(revoke) => {
            let (_, key) = find(&check(&revoke.place.directory)?, &revoke.id)?;
            change(&revoke.place.directory, &key, "revoked", "true")?;
            let done = format!("`{}` of `{}` is revoked where the documents are applied", key.id, key.owner);
            match output {
                Output::Text => say(stdout(), &done),
                Output::Json => say(stdout(), &serde_json::json!({ "id": &*key.id, "revoked": true }).to_string()),
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::List(place) => list(&check(&place.directory)?, output),
    }
}

fn check(directory: &Path) -> Result<Checked> {
    let files = repository::read(directory)?;
    selvedge_config::check(&files).map_err(|found| {
        say(stderr(), &selvedge_config::render(&found, &files, false));
        anyhow::anyhow!("the documents have errors: nothing was written")
    })
}

fn find(checked: &Checked, id: &str) -> Result<(Name, ApiKey)> {
    let id = id.trim_start_matches("svk_").get(..16).unwrap_or(id);
    let found = checked.mesh.api_keys.iter().find_map(|(set, keys)| Some((set.clone(), keys.keys.get(id)?.clone())));
    found.with_context(|| format!("there is no API key `{id}`: `selvedge keys list` shows all"))
}

/// Makes a key and adds its document.
fn add(
    directory: &Path,
    (set, owner, scopes): (&Name, &str, &[String]),
    days: u32,
    output: Output,
) -> Result<ExitCode> {
    if days == 0 {
        bail!("a key that counts for no day is none: write `--days 90`");
    }
    let key = new_key(random_bytes(), &random_bytes());
    let expires = written(now_s() + u64::from(days) * 86_400)?;
    // JSON texts are YAML texts: what was typed cannot become another key of the document.
    let (owner, scopes) = (serde_json::to_string(owner)?, serde_json::to_string(scopes)?);
    let document = format!(
        "---\napiVersion: selvedge.dev/v1\nkind: ApiKey\nmetadata: {{ name: key-{id} }}\nspec:\n  set: {set}\n  owner: {owner}\n  \
         id: \"{id}\"\n  sha256: \"{}\"\n  scopes: {scopes}\n  expires: \"{expires}\"\n",
        key.sha256,
        id = key.id,
    );
    let document = if scopes == "[]" { document.replace("  scopes: []\n", "") } else { document };
    let name = format!("api-keys-{set}.yaml");
    KeyFile::open(directory, &name)?.append(&document)?;
    match output {
        Output::Text => {
            say(stdout(), &key.text);
            say(stderr(), &format!("its hash is in `{name}`; the key is shown this once; it counts until {expires}"));
        }
        Output::Json => {
            let shown = serde_json::json!({ "id": key.id, "key": key.text, "file": name, "expires": expires });
            say(stdout(), &shown.to_string());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn change(directory: &Path, key: &ApiKey, field: &str, value: &str) -> Result<()> {
    KeyFile::open(directory, &key.source.file)?.set(&key.id, field, value)
}

fn list(checked: &Checked, output: Output) -> Result<ExitCode> {
    let now = now_s();
    let mut rows = Vec::new();
    for (set, keys) in &checked.mesh.api_keys {
        for key in keys.keys.values() {
            let state = match key {
                key if key.revoked => "revoked",
                key if key.expires_s <= now => "expired",
                _ => "counts",
            };
            rows.push((set, key, state, written(key.expires_s)?));
        }
    }
    match output {
        Output::Text => {
            for (set, key, state, until) in &rows {
                let scopes = key.scopes.join(" ");
                say(stdout(), &format!("{}  {state:<7}  until {until}  {set}  {}  {scopes}", key.id, key.owner));
            }
            if rows.is_empty() {
                say(stdout(), "no API keys yet: `selvedge keys create --set SET --owner OWNER` makes one");
            }
        }
        Output::Json => {
            let rows: Vec<serde_json::Value> = rows
                .iter()
                .map(|(set, key, state, until)| {
                    serde_json::json!({
                        "id": &*key.id, "set": set.as_str(), "owner": &*key.owner, "scopes": key.scopes,
                        "state": state, "expires": until, "at": key.source.to_string(),
                    })
                })
                .collect();
            say(stdout(), &serde_json::json!({ "keys": rows }).to_string());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A time as documents write it: to the second, in UTC.
fn written(time_s: u64) -> Result<String> {
    let time = i64::try_from(time_s).ok().and_then(|time| OffsetDateTime::from_unix_timestamp(time).ok());
    let time = time.context("the time is too far ahead: write fewer days")?;
    let (date, clock) = (time.date(), time.time());
    Ok(format!("{date}T{:02}:{:02}:{:02}Z", clock.hour(), clock.minute(), clock.second()))
}
