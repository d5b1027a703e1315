//! The agent: a session with control for as long as there is one, and the last good state when there is none.

use super::certificates::{Certificates, MYSELF, needed};
use super::enforce::{self, Opened, enforce};
use super::page::Page;
use super::quotas::KeptQuotas;
use super::store::Store;
use super::successor::{self, Leaves};
use super::workloads::Workloads;
use super::{Options, Succession, Way, drain};
use crate::say::say;
use anyhow::{Result, bail};
use selvedge_identity::TrustBundle;
use selvedge_link::{FromNode, NodeEnd, NodeInfo, SignedBundle, ToNode};
use selvedge_model::{Name, SpiffeId, TrustDomain};
use selvedge_net::{now_s, random_u128};
use selvedge_proxy::Proxy;
use selvedge_telemetry::DecisionLog;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Between tries to reach control.
const RETRY_MIN: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// How a session ended.
enum Ended {
    /// By us: another begins at once.
    Anew,
    /// By control, or with the connection.
    Closed,
}

/// A gateway's or node's agent.
pub(crate) struct Agent {
    options: Options,
    store: Store,
    proxy: Arc<Proxy>,
    page: Page,
    workloads: Workloads,
    log: DecisionLog,
    trust: Option<TrustBundle>,
    certificates: Certificates,
    services: Vec<Name>,
    /// What is in force.
    enforced: Option<Opened>,
    /// What is to be enforced once its certificates are here.
    wanted: Option<Opened>,
    succession: Succession,
    /// Told when the files that documents name are to be read again.
    reload: Rc<Notify>,
}

impl Agent {
    pub(super) fn new(
        options: Options,
        (store, log): (Store, DecisionLog),
        proxy: Arc<Proxy>,
        (page, workloads): (Page, Workloads),
        succession: Succession,
    ) -> Agent {
        Agent {
            trust: store.trust(),
            services: options.services.clone(),
            options,
            store,
            proxy,
            page,
            workloads,
            log,
            certificates: Certificates::default(),
            enforced: None,
            wanted: None,
            succession,
            reload: Rc::new(Notify::new()),
        }
    }

    /// Serves until `end` comes, then lets open requests finish.
    pub(crate) async fn run(mut self, way: Way, end: impl Future<Output = ()>) {
        let kept = KeptQuotas::open(&self.options.state, self.proxy.quotas());
        self.resume(&way).await;
        let (state, proxy, admin) = (self.options.state.clone(), self.proxy.clone(), self.succession.admin.take());
        let (reload, notify, succeeds) =
            (self.reload.clone(), self.succession.notify.clone(), self.succession.succeeds);
        let heard = async move {
            if !succeeds {
                return std::future::pending().await;
            }
            match successor::hear(&state, proxy, admin, &reload).await {
                Ok(leaves) => leaves,
                Err(error) => {
                    say(std::io::stderr(), &format!("selvedge: no hot restart is possible: {error:#}"));
                    std::future::pending().await
                }
            }
        };
        let leaves = tokio::select! {
            () = self.follow(&way) => Leaves::Told,
            () = kept.follow() => Leaves::Told,
            () = end => Leaves::Told,
            leaves = heard => leaves,
        };
        if leaves == Leaves::Told {
            notify.stopping();
        }
        drain(&self.proxy, leaves).await;
        // A successor counts on from what was saved last, and its file is not written over.
        if leaves == Leaves::Told {
            kept.save();
        }
        self.log.close();
    }

    /// Enforces what is on disk: control may be away.
    async fn resume(&mut self, way: &Way) {
        let (Some(trust), Some(signed)) = (&self.trust, self.store.bundle()) else { return };
        match enforce::open(signed, trust, None, now_s()) {
            Ok(opened) => {
                self.want(opened, way);
                self.enforce_wanted().await;
            }
            Err(error) => self.say(&format!("the documents on disk are not used: {error:#}")),
        }
    }

    async fn follow(&mut self, way: &Way) {
        let mut pause = RETRY_MIN;
        loop {
            let reload = self.reload.clone();
            let ended = tokio::select! {
                ended = self.session(way) => ended,
                () = reload.notified() => {
                    self.read_again().await;
                    Ok(Ended::Anew)
                }
            };
            self.certificates.link_lost(now_s());
            self.workloads.wishes.link_lost();
            let error = match ended {
                Ok(Ended::Anew) => continue,
                Ok(Ended::Closed) => {
                    pause = RETRY_MIN;
                    "control closed the link".to_owned()
                }
                Err(error) => format!("{error:#}"),
            };
            self.page.show(|shown| shown.connected = false);
            let first = self.page_error(Some(error.clone()));
            if first {
                self.say(&format!("no link to control: {error}"));
            }
            tokio::time::sleep(pause + Duration::from_millis((random_u128() % 250) as u64)).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    /// One session. `Ok`: it was one, and has ended.
    async fn session(&mut self, way: &Way) -> Result<Ended> {
        let granted = way.granted().unwrap_or(&self.services).to_vec();
        let domain = self.trust.as_ref().map(|trust| trust.trust_domain.clone());
        let myself = domain.map(|domain| self.id(&domain));
        let mut end = match (&myself, way) {
            (Some(myself), _) => way.connect(&self.store, myself, &granted).await?,
            // Within one process nothing has to be known before.
            (None, Way::Local(link)) => link(&granted)?,
            (None, Way::Remote { .. }) => bail!("this {} has not joined: give it a token", self.options.kind),
        };
        end.send(FromNode::Hello { node: self.info(&granted), enforced: self.plan_hash() }).await?;
        self.page.show(|shown| (shown.connected, shown.error) = (true, None));
        loop {
            for request in self.certificates.requests(now_s())? {
                end.send(request).await?;
            }
            let pause = self.until_due().min(self.workloads.wishes.patience());
            tokio::select! {
                message = end.recv() => match message {
                    Some(message) => {
                        if self.heard(message, &end, way).await? {
                            return Ok(Ended::Anew);
                        }
                    }
                    None => return Ok(Ended::Closed),
                },
                request = self.workloads.wishes.next() => end.send(request).await?,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Acts on a message. `true`: the session is to begin anew.
    async fn heard(&mut self, message: ToNode, end: &NodeEnd, way: &Way) -> Result<bool> {
        match message {
            ToNode::Trust(trust) => self.trusts(trust, end).await?,
            ToNode::Bundle(signed) => return self.bundle(signed, end, way).await,
            ToNode::Issued { ticket, chain } => return self.issued(ticket, chain, end, way).await,
            ToNode::Jwt { ticket, token } => {
                self.workloads.wishes.answered(ticket, Ok(token));
            }
            ToNode::Refused { ticket: Some(ticket), reason } => {
                if self.workloads.wishes.answered(ticket, Err(reason.clone())) {
                    return Ok(false);
                }
                self.certificates.refused(ticket, &reason, now_s());
                self.page_error(Some(reason.clone()));
                self.say(&reason);
                self.enforce_and_tell(end).await?;
            }
            ToNode::Refused { ticket: None, reason } => bail!("control refuses: {reason}"),
            ToNode::Renew { root } => self.certificates.renew_other_than(&root, now_s()),
            ToNode::Joined { .. } | ToNode::Pong => {}
        }
        Ok(false)
    }

    async fn trusts(&mut self, trust: TrustBundle, end: &NodeEnd) -> Result<()> {
        if self.trust.as_ref().is_some_and(|known| known.trust_domain != trust.trust_domain) {
            bail!("control is of the trust domain `{}`, and this process is not", trust.trust_domain);
        }
        if self.trust.as_ref() == Some(&trust) {
            return Ok(());
        }
        self.store.keep_trust(&trust)?;
        self.certificates.found_in(&trust);
        self.trust = Some(trust);
        // Said also before there is anything to enforce: control waits for it when it rotates roots.
        if self.enforced.is_none() {
            return self.tell(end, None).await;
        }
        self.enforce_again(end).await
    }

    async fn bundle(&mut self, signed: SignedBundle, end: &NodeEnd, way: &Way) -> Result<bool> {
        let Some(trust) = &self.trust else { bail!("control sent documents before whom to trust") };
        match enforce::open(signed, trust, self.enforced.as_ref(), now_s()) {
            Ok(opened) => {
                let before = self.services.clone();
                self.want(opened, way);
                if way.granted().is_none() && before != self.services {
                    // Other services stand here now: the session begins anew with them.
                    return Ok(true);
                }
                for request in self.certificates.requests(now_s())? {
                    end.send(request).await?;
                }
                self.enforce_and_tell(end).await?;
            }
            Err(error) => self.refuse(&format!("{error:#}"), end).await?,
        }
        Ok(false)
    }

    async fn issued(&mut self, ticket: u64, chain: Vec<Vec<u8>>, end: &NodeEnd, way: &Way) -> Result<bool> {
        let Some(trust) = &self.trust else { return Ok(false) };
        let myself = self.id(&trust.trust_domain);
        let issued = self.certificates.issued(ticket, chain, (trust, &myself), &self.store, now_s())?;
        let Some(issued) = issued else { return Ok(false) };
        if self.wanted.is_some() {
            self.enforce_and_tell(end).await?;
        } else {
            self.enforce_again(end).await?;
        }
        // Control closes a link when the certificate that it was made with ends: it is made anew with the new one.
        Ok(issued.is_renewed && issued.name == MYSELF && way.granted().is_some())
    }

    /// Notes documents that are to be enforced, and what they need.
    fn want(&mut self, opened: Opened, way: &Way) {
        let checked = opened.plan.checked();
        self.services = match self.options.kind {
            selvedge_link::NodeKind::Gateway => Vec::new(),
            selvedge_link::NodeKind::Node => enforce::services(checked, way.granted()),
        };
        let needed = needed(checked, self.options.kind, &self.options.name, &self.services);
        self.certificates.need(needed, &self.store, now_s());
        if let Some(trust) = &self.trust {
            self.certificates.found_in(trust);
        }
        self.certificates.renew_revoked(&opened.revoked, now_s());
        self.wanted = Some(opened);
    }

    async fn enforce_and_tell(&mut self, end: &NodeEnd) -> Result<()> {
        if let Some(error) = self.enforce_wanted().await {
            return self.refuse(&error, end).await;
        }
        self.tell(end, None).await
    }

    /// Enforces what is wanted, if its certificates are here. `Some`: why it is not enforced.
    async fn enforce_wanted(&mut self) -> Option<String> {
        if !self.certificates.is_complete() {
            return None;
        }
        let (wanted, trust) = (self.wanted.take()?, self.trust.as_ref()?);
        let at_hand = (&self.certificates, trust);
        match enforce(&self.proxy, &self.options, &self.services, &wanted, at_hand).await {
            Ok(()) => {
                if let Err(error) = self.store.keep_bundle(&wanted.signed) {
                    self.say(&format!("the documents are enforced, and not kept for a restart: {error:#}"));
                }
                self.enforced = Some(wanted);
                self.show();
                self.serves();
                None
            }
            Err(error) => Some(format!("{error:#}")),
        }
    }

    /// The plan in force with new certificates or roots.
    async fn enforce_again(&mut self, end: &NodeEnd) -> Result<()> {
        let (Some(enforced), Some(trust)) = (&self.enforced, &self.trust) else { return Ok(()) };
        let at_hand = (&self.certificates, trust);
        let again = enforce(&self.proxy, &self.options, &self.services, enforced, at_hand).await;
        if let Err(error) = again {
            self.say(&format!("new certificates are not used: {error:#}"));
        }
        self.show();
        self.tell(end, None).await
    }

    /// The plan in force with what its files hold now.
    async fn read_again(&mut self) {
        let (Some(enforced), Some(trust)) = (&self.enforced, &self.trust) else { return };
        let at_hand = (&self.certificates, trust);
        if let Err(error) = enforce(&self.proxy, &self.options, &self.services, enforced, at_hand).await {
            self.say(&format!("what was in force stays: {error:#}"));
        }
    }

    async fn refuse(&mut self, error: &str, end: &NodeEnd) -> Result<()> {
        self.wanted = None;
        self.page_error(Some(error.to_owned()));
        self.say(&format!("a change is refused, and what was in force stays: {error}"));
        self.tell(end, Some(error.to_owned())).await
    }

    async fn tell(&self, end: &NodeEnd, refused: Option<String>) -> Result<()> {
        let revision = self.enforced.as_ref().map_or(0, |enforced| enforced.revision);
        let (plan, certificates, clock) = (self.plan_hash(), self.certificates.infos(), now_s());
        // A bundle with a root that our clock does not believe in is not taken yet.
        let usable = self.trust.as_ref().filter(|trust| trust.is_usable_at(clock));
        let trust = usable.map_or(0, |trust| trust.sequence);
        end.send(FromNode::Receipt { revision, plan, refused, certificates, trust, clock }).await?;
        Ok(())
    }

    /// From now on we serve: whoever did before may go.
    fn serves(&mut self) {
        if let Some(predecessor) = self.succession.predecessor.take() {
            predecessor.dismiss();
        }
        self.succession.notify.ready();
    }

    fn show(&self) {
        let plan = self.enforced.as_ref().map(|enforced| (enforced.plan.hash().to_string(), enforced.revision));
        let certificates = self.certificates.infos();
        self.page.show(|shown| (shown.plan, shown.certificates, shown.error) = (plan, certificates, None));
        if let (Some(enforced), Some(trust)) = (&self.enforced, &self.trust) {
            self.workloads.show(trust, enforced, &self.services, &self.certificates);
        }
    }

    /// Whether this error was not shown before.
    fn page_error(&self, error: Option<String>) -> bool {
        let mut first = false;
        self.page.show(|shown| {
            first = shown.error != error;
            shown.error = error;
        });
        first
    }

    fn until_due(&self) -> Duration {
        let due = self.certificates.next_due().unwrap_or(u64::MAX);
        Duration::from_secs(due.saturating_sub(now_s()).clamp(1, 3600))
    }

    fn id(&self, domain: &TrustDomain) -> SpiffeId {
        self.options.kind.id(domain, &self.options.name)
    }

    fn info(&self, services: &[Name]) -> NodeInfo {
        let Options { kind, name, advertise, .. } = self.options.clone();
        NodeInfo { kind, name, services: services.to_vec(), advertise, version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    fn plan_hash(&self) -> Option<String> {
        self.enforced.as_ref().map(|enforced| enforced.plan.hash().to_string())
    }

    fn say(&self, text: &str) {
        let (kind, name) = (self.options.kind, &self.options.name);
        say(std::io::stderr(), &format!("selvedge {kind} {name}: {text}"));
    }
}
