//! The whole mesh on this machine: made in a temporary directory, started, asked, ended.

use super::client::{Answer, Call, CallError, Client, Target};
use super::issuer::Grant;
use super::mesh::{self, AUDIENCE, EDGE_HOST, Places};
use super::ports::Port;
use super::processes::{Mesh, Process, Programs, Runner, program};
use super::shop::{Errand, Report, Service};
use super::status::Status;
use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long the mesh may take until it serves.
const READY_TIMEOUT: Duration = Duration::from_secs(15);
/// Between two questions whether it does.
const READY_PAUSE: Duration = Duration::from_millis(50);

/// A running mesh with its shop, and the ways to ask it.
pub(crate) struct World {
    /// The mesh repository.
    pub(crate) repository: PathBuf,
    /// The state of the mesh: keys, records, and `ca.pem`.
    pub(crate) state: PathBuf,
    /// The gateway.
    pub(crate) edge: SocketAddr,
    /// The admin listener.
    pub(crate) admin: SocketAddr,
    /// The issuer.
    pub(crate) issuer: SocketAddr,
    roots: Vec<Vec<u8>>,
    runners: BTreeMap<Service, Runner>,
    admin_client: Client,
    issuer_client: Client,
}

/// What ends, and is removed, when the demo is over.
pub(crate) struct Owned {
    mesh: Mesh,
    issuer: Process,
    _ports: Ports,
    home: TempDir,
}

/// The ports that are not their owner's own choice.
struct Ports {
    edge: Port,
    admin: Port,
    outbound: BTreeMap<Service, Port>,
    ledger: BTreeMap<Service, Port>,
}

impl World {
    /// Starts everything, and waits until a request gets through all of it. `usual` asks for the usual port of the edge.
    ///
    /// # Errors
    /// When a process does not start, or the mesh does not serve in time.
    pub(crate) async fn start(usual: bool) -> Result<(World, Owned)> {
        let home = tempfile::Builder::new().prefix("selvedge-").tempdir();
        let home = home.context("cannot make a temporary directory: set TMPDIR to where you may write")?;
        // The kernel gives the path of a program without links in it.
        let root = home.path().canonicalize().context("cannot resolve the temporary directory")?;
        let logs = root.join("logs");
        std::fs::create_dir(&logs).context("cannot make a directory for logs")?;
        let programs = Programs::make(&root.join("bin"))?;
        let ports = Ports::reserve(usual)?;
        let arguments = ["demo-issuer", "--listen", "127.0.0.1:0"].map(str::to_owned);
        let issuer = Process::start("issuer", &program()?, &arguments, &logs).await?;
        let issuer_address = issuer.address("listen")?;
        let mut places = Places::default();
        places.set("issuer", &format!("http://{issuer_address}"))?;
        places.set("edge-port", &ports.edge.address().port().to_string())?;
        let mut runners = BTreeMap::new();
        for service in Service::ALL {
            let process = start_service(service, &programs, &ports, &mut places, &logs).await?;
            drop(runners.insert(service, process.runner()));
        }
        let (repository, state) = (root.join("mesh"), root.join("state"));
        mesh::write(&repository, &places.files()?).context("cannot write the mesh repository")?;
        let mesh = Mesh::start(&repository, &state, ports.admin.address(), &logs)?;
        let mut world = World {
            repository,
            state,
            edge: ports.edge.address(),
            admin: ports.admin.address(),
            issuer: issuer_address,
            roots: Vec::new(),
            runners,
            admin_client: Client::plain(ports.admin.address()),
            issuer_client: Client::plain(issuer_address),
        };
        let mut owned = Owned { mesh, issuer, _ports: ports, home };
        world.wait(&mut owned.mesh).await?;
        Ok((world, owned))
    }

    /// Waits until the mesh answers, then until one request has gone through every service.
    async fn wait(&mut self, mesh: &mut Mesh) -> Result<()> {
        let end = Instant::now() + READY_TIMEOUT;
        loop {
            mesh.alive()?;
            let last = match self.ready().await {
                Ok(()) => return Ok(()),
                Err(not_yet) => not_yet,
            };
            if Instant::now() > end {
                bail!("the mesh does not serve after {} s: {last:#}{}", READY_TIMEOUT.as_secs(), mesh.log());
            }
            sleep(READY_PAUSE).await;
        }
    }

    async fn ready(&mut self) -> Result<()> {
        if self.roots.is_empty() {
            let health = self.admin_client.call(&get("/healthz")).await?;
            if !health.status.is_success() {
                bail!("`/healthz` says {}", health.status);
            }
            let pem = std::fs::read_to_string(self.ca()).context("there is no `ca.pem` yet")?;
            self.roots = certificates(&pem)?;
        }
        let token = self.token("ready", "orders:write").await?;
        let answer = self.client().call(&checkout(Some(&token))).await?;
        if answer.status.as_u16() == 201 { Ok(()) } else { bail!("`POST /checkout` gives {}", answer.status) }
    }

    /// The certificates to trust, as a file.
    pub(crate) fn ca(&self) -> PathBuf {
        self.state.join("ca.pem")
    }

    /// A new client of the gateway, from outside.
    pub(crate) fn client(&self) -> Client {
        let target = Target::Tls { address: self.edge, name: EDGE_HOST, roots: self.roots.clone() };
        Client::new(target, format!("{EDGE_HOST}:{}", self.edge.port()))
    }

    /// A good token.
    ///
    /// # Errors
    /// When the issuer gives none.
    pub(crate) async fn token(&self, subject: &str, scope: &str) -> Result<String> {
        self.token_for(&Grant {
            subject: subject.to_owned(),
            scope: scope.to_owned(),
            audience: AUDIENCE.to_owned(),
            lifetime_s: 300,
        })
        .await
    }

    /// Any token.
    ///
    /// # Errors
    /// When the issuer gives none.
    pub(crate) async fn token_for(&self, grant: &Grant) -> Result<String> {
        let body = Some(("application/x-www-form-urlencoded", grant.form()));
        let answer = self.issuer_client.call(&Call { method: "POST", path: "/token", body, ..Call::default() }).await?;
        let answer = answer.json();
        let token = answer.get("access_token").and_then(serde_json::Value::as_str);
        Ok(token.context("the issuer gave no token")?.to_owned())
    }

    /// What the admin listener says.
    ///
    /// # Errors
    /// When it says nothing.
    pub(crate) async fn status(&self) -> Result<Status, CallError> {
        Ok(Status::parse(&self.admin_client.call(&get("/status")).await?.body))
    }

    /// Has a service make a call of its own.
    pub(crate) async fn errand(&self, service: Service, errand: Errand) -> Report {
        match self.runners.get(&service) {
            Some(runner) => runner.run(errand).await,
            None => Report::Failed(format!("`{}` does not run", service.as_str())),
        }
    }
}

impl Owned {
    /// Says when the mesh has ended by itself.
    ///
    /// # Errors
    /// When it has; with the end of its log.
    pub(crate) fn alive(&mut self) -> Result<()> {
        self.mesh.alive()
    }

    /// Ends every process, and removes the directory. The services end when their [`World`] is dropped.
    pub(crate) async fn end(self) {
        let Owned { mesh, issuer, home, .. } = self;
        tokio::join!(mesh.end(), issuer.end());
        // What cannot be removed is left to the system's cleaning of temporary files.
        drop(home.close());
    }
}

impl Ports {
    fn reserve(usual: bool) -> Result<Ports> {
        let each = |services: &[Service]| -> Result<BTreeMap<Service, Port>> {
            services.iter().map(|service| Ok((*service, Port::any()?))).collect()
        };
        Ok(Ports {
            edge: if usual { Port::edge()? } else { Port::any()? },
            admin: Port::any()?,
            outbound: each(&Service::ALL)?,
            ledger: each(&[Service::Storefront, Service::Orders])?,
        })
    }
}

async fn start_service(
    service: Service,
    programs: &Programs,
    ports: &Ports,
    places: &mut Places,
    logs: &Path,
) -> Result<Process> {
    let name = service.as_str();
    let program = programs.of(service);
    let outbound = ports.outbound.get(&service).context("a service has no outbound port")?.address().to_string();
    let mut arguments =
        ["demo-service", name, "--listen", "127.0.0.1:0", "--outbound", &outbound].map(str::to_owned).to_vec();
    if let Some(ledger) = ports.ledger.get(&service) {
        let ledger = ledger.address().to_string();
        places.set(&format!("{name}-ledger"), &ledger)?;
        arguments.extend(["--ledger".to_owned(), ledger]);
    }
    if service == Service::Payments {
        arguments.extend(["--listen-tcp", "127.0.0.1:0"].map(str::to_owned));
    }
    let process = Process::start(name, &program, &arguments, logs).await?;
    places.set(&format!("{name}-path"), &program.to_string_lossy())?;
    places.set(&format!("{name}-outbound"), &outbound)?;
    places.set(&format!("{name}-http"), &process.address("listen")?.to_string())?;
    if service == Service::Payments {
        places.set(&format!("{name}-tcp"), &process.address("listen_tcp")?.to_string())?;
    }
    Ok(process)
}

/// A `GET`.
pub(crate) fn get(path: &str) -> Call<'_> {
    Call { method: "GET", path, ..Call::default() }
}

/// A purchase.
pub(crate) fn checkout(token: Option<&str>) -> Call<'_> {
    let body = Some(("application/json", r#"{"sku":"teapot"}"#.to_owned()));
    Call { method: "POST", path: "/checkout", token, body, ..Call::default() }
}

/// The status of an answer, or why there is none.
pub(crate) fn told(answer: &Result<Answer, CallError>) -> String {
    answer.as_ref().map_or_else(ToString::to_string, |answer| answer.status.as_u16().to_string())
}

/// The certificates of a PEM text, as DER (RFC 7468).
fn certificates(pem: &str) -> Result<Vec<Vec<u8>>> {
    let blocks = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    let body = |block: &str| -> Result<Vec<u8>> {
        let (body, _) = block.split_once("-----END CERTIFICATE-----").context("a certificate has no end")?;
        let body: String = body.split_ascii_whitespace().collect();
        STANDARD.decode(body).context("a certificate is no base64")
    };
    let roots = blocks.map(body).collect::<Result<Vec<_>>>()?;
    if roots.is_empty() { bail!("there is no certificate in `ca.pem` yet") } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_read_from_pem() {
        let one = "-----BEGIN CERTIFICATE-----\nAQID\nBA==\n-----END CERTIFICATE-----\n";
        assert_eq!(certificates(&format!("{one}{one}")).unwrap(), vec![vec![1, 2, 3, 4]; 2]);
        for bad in
            ["", "-----BEGIN CERTIFICATE-----\nAQ==", "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----"]
        {
            assert!(certificates(bad).is_err(), "{bad}");
        }
    }
}
