//! A case: one request, where it applies, and what must come of it.

use crate::{Template, TemplateError};
use selvedge_model::Role;
use std::path::{Path, PathBuf};

/// One file of `cases/requests`.
#[derive(Debug, Clone)]
pub struct Case {
    /// The file's name without its ending.
    pub name: String,
    /// Why it must be so, for people.
    pub why: String,
    /// Where that is written: an RFC section, a CVE, THREATS.
    pub source: String,
    /// The roles in which it applies.
    pub roles: Vec<Role>,
    /// What is known not to hold yet. Such a case must fail, so that the mark goes when it is mended.
    pub open: Option<String>,
    /// Whether it is only about what comes after the parser, so that it needs sockets.
    pub over_sockets: bool,
    /// The request on the wire.
    pub request: Template,
    /// What must come of it.
    pub expect: Expect,
}

/// What must come of a request.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// Statuses, one of which the first answer has; `None` when no answer is right as well.
    pub status: Vec<Option<u16>>,
    /// Whether the connection must be closed after it.
    pub closed: bool,
    /// What reaches the upstream.
    pub upstream: Upstream,
    /// Text that never reaches the upstream.
    pub never: Vec<String>,
    /// Fields, in lower case, that never reach the upstream.
    pub absent: Vec<String>,
}

/// What reaches the upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Upstream {
    /// Not one byte.
    #[default]
    Nothing,
    /// At most the beginning of a request, never a whole one: the body broke on the way.
    Cut,
    /// These requests, no more and no less.
    Requests(Vec<Template>),
}

/// Why a file is no case.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {fact}", file = file.display())]
pub struct CaseError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// What is wrong.
    pub fact: CaseFact,
}

/// What is wrong with a case.
#[derive(Debug, thiserror::Error)]
pub enum CaseFact {
    /// The file cannot be read.
    #[error("cannot read it: {0}")]
    Read(#[from] std::io::Error),
    /// A key, section or value that the format does not have.
    #[error("`{0}` is not known here: cases/README.md lists what is")]
    Unknown(String),
    /// A part that every case has.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A broken escape.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// Loads all request cases of this repository, sorted by name.
///
/// # Errors
/// The first file that is no case.
pub fn requests() -> Result<Vec<Case>, CaseError> {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../cases/requests"))
}

/// The cases of `cases/inputs`: requests to a service whose OpenAPI description is beside them.
///
/// # Errors
/// The first file that is no case.
pub fn inputs() -> Result<Vec<Case>, CaseError> {
    load(&inputs_folder())
}

/// The description that the cases of [`inputs`] are held against.
///
/// # Errors
/// When the file cannot be read.
pub fn inputs_schema() -> std::io::Result<String> {
    std::fs::read_to_string(inputs_folder().join("shop.openapi.yaml"))
}

fn inputs_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../cases/inputs")
}

/// Loads every `*.case` of a directory, sorted by name.
///
/// # Errors
/// The first file that is no case.
pub fn load(directory: &Path) -> Result<Vec<Case>, CaseError> {
    load_with(directory, Case::parse)
}

/// As [`load`], for cases that say more.
pub(crate) fn load_with<T>(
    directory: &Path,
    parse: impl Fn(&Path, &str) -> Result<T, CaseError>,
) -> Result<Vec<T>, CaseError> {
    let failed = |file: &Path, error| CaseError { file: file.into(), line: 0, fact: CaseFact::Read(error) };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| failed(directory, error))? {
        files.push(entry.map_err(|error| failed(directory, error))?.path());
    }
    files.retain(|file| file.extension().is_some_and(|ending| ending == "case"));
    files.sort();
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).map_err(|error| failed(file, error))?;
        parse(file, &text)
    };
    files.iter().map(read).collect()
}

/// A part of a file: what stands after `---`, and its lines with their numbers.
type Section<'a> = (&'a str, Vec<(usize, &'a str)>);

impl Case {
    /// Reads a case from the text of `file`.
    ///
    /// # Errors
    /// The first line that the format does not have.
    pub fn parse(file: &Path, text: &str) -> Result<Case, CaseError> {
        let at = |line: usize, fact: CaseFact| CaseError { file: file.into(), line, fact };
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let nothing = Template::parse(std::iter::empty()).map_err(|error| at(0, error.into()))?;
        let mut case = Case {
            name,
            why: String::new(),
            source: String::new(),
            roles: vec![Role::Gateway, Role::MeshOutbound, Role::MeshInbound],
            open: None,
            over_sockets: false,
            request: nothing,
            expect: Expect::default(),
        };
        let mut asked = false;
        for (title, lines) in sections(text) {
            let first = lines.first().map_or(0, |(number, _)| *number);
            let template = || Template::parse(lines.iter().map(|(_, line)| *line));
            match title {
                "" => keys(&lines, |key, value| case.describe(key, value)).map_err(|(line, fact)| at(line, fact))?,
                "expect" => keys(&lines, |key, value| case.expect.set(key, value)).map_err(|(l, fact)| at(l, fact))?,
                "request" => {
                    asked = true;
                    case.request = template().map_err(|error| at(first, error.into()))?;
                }
                "upstream" => {
                    let template = template().map_err(|error| at(first, error.into()))?;
                    case.expect.upstream.push(template);
                }
                other => return Err(at(first, CaseFact::Unknown(format!("--- {other}")))),
            }
        }
        for (missing, part) in [
            (case.why.is_empty(), "why"),
            (case.source.is_empty(), "source"),
            (!asked, "--- request"),
            (case.expect.status.is_empty(), "status"),
        ] {
            if missing {
                return Err(at(0, CaseFact::Missing(part)));
            }
        }
        Ok(case)
    }

    fn describe(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "why" => value.clone_into(&mut self.why),
            "source" => value.clone_into(&mut self.source),
            "open" => self.open = Some(value.to_owned()),
            "over" if value == "sockets" => self.over_sockets = true,
            "roles" => self.roles = value.split(", ").map(role).collect::<Option<_>>()?,
            _ => return None,
        }
        Some(())
    }
}

impl Expect {
    fn set(&mut self, key: &str, value: &str) -> Option<()> {
        match (key, value) {
            ("status", _) => self.status = value.split(" or ").map(status).collect::<Option<_>>()?,
            ("closed", "yes") => self.closed = true,
            ("upstream", "nothing") => self.upstream = Upstream::Nothing,
            ("upstream", "cut") => self.upstream = Upstream::Cut,
            ("never", _) => self.never.push(value.to_owned()),
            ("absent", _) => self.absent.extend(value.split(", ").map(str::to_ascii_lowercase)),
            _ => return None,
        }
        Some(())
    }
}

impl Upstream {
    fn push(&mut self, request: Template) {
        match self {
            Upstream::Requests(requests) => requests.push(request),
            Upstream::Nothing | Upstream::Cut => *self = Upstream::Requests(vec![request]),
        }
    }
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = vec![("", Vec::new())];
    for (index, line) in text.lines().enumerate() {
        if let Some(title) = line.strip_prefix("--- ") {
            sections.push((title, Vec::new()));
        } else if let Some((_, lines)) = sections.last_mut() {
            lines.push((index + 1, line));
        }
    }
    sections
}

/// Hands each `key: value` over; empty lines are passed over.
fn keys<'a>(
    lines: &[(usize, &'a str)],
    mut take: impl FnMut(&'a str, &'a str) -> Option<()>,
) -> Result<(), (usize, CaseFact)> {
    for (number, line) in lines.iter().filter(|(_, line)| !line.is_empty()) {
        let taken = line.split_once(": ").and_then(|(key, value)| take(key, value));
        taken.ok_or_else(|| (*number, CaseFact::Unknown((*line).to_owned())))?;
    }
    Ok(())
}

fn role(word: &str) -> Option<Role> {
    [Role::Gateway, Role::MeshOutbound, Role::MeshInbound].into_iter().find(|role| role.as_str() == word)
}

fn status(word: &str) -> Option<Option<u16>> {
    match word {
        "none" => Some(None),
        _ => word.parse().ok().filter(|status| (100..600).contains(status)).map(Some),
    }
}
