//! Random facts: each is drawn to satisfy a random rule, and half of them then lack one thing.

use super::chance::Chance;
use super::world::{Condition, GATEWAY, HOST, ISSUER, PORT, Rule, TRUST_DOMAIN, World, label, name, scope};
use anyhow::{Context, Result};
use selvedge_model::{Credential, Facts, Name, Peer, Principal, RequestFacts, SpiffeId, TlsFacts};
use std::net::IpAddr;
use std::sync::Arc;

const NOON: u64 = 1_767_268_800;
const NIGHT: u64 = NOON - 10 * 3_600;
const TLS: TlsFacts<'static> = TlsFacts { version: "1.3", cipher: "TLS_AES_128_GCM_SHA256", group: "X25519MLKEM768" };

/// The facts of one decision, owned.
#[derive(Debug)]
pub struct Request {
    /// The calling service; `None` is from outside.
    pub caller: Option<SpiffeId>,
    /// The token's content; from outside alone.
    pub user: Option<Principal>,
    /// The service that is called.
    pub service: Name,
    /// The method.
    pub method: &'static str,
    /// The canonical path.
    pub path: String,
    /// The client's address.
    pub client: IpAddr,
    /// Seconds since 1970.
    pub now: u64,
    gateway: Name,
    port: Name,
}

impl Request {
    /// Draws requests.
    ///
    /// # Errors
    /// When a name of the world is none.
    pub fn draw(world: &World, count: usize, chance: &mut Chance) -> Result<Vec<Request>> {
        (0..count).map(|_| Request::draw_one(world, chance)).collect()
    }

    fn draw_one(world: &World, chance: &mut Chance) -> Result<Request> {
        let service = chance.below(world.services.len());
        let rule = world.services.get(service).and_then(|rules| chance.of(rules)).context("the world has no rules")?;
        let mut request = Request::satisfying(rule, service, chance)?;
        if chance.below(2) == 0 {
            request.spoil(world, chance)?;
        }
        Ok(request)
    }

    fn satisfying(rule: &Rule, service: usize, chance: &mut Chance) -> Result<Request> {
        let caller = match &rule.callers {
            Some(callers) => Some(id(*chance.of(callers).context("a rule names its callers")?)?),
            None => None,
        };
        let texts = |texts: &[&str]| texts.iter().map(|text| Arc::from(*text)).collect();
        let mfa = rule.condition == Some(Condition::Mfa);
        let user = Principal {
            issuer: Name::parse(ISSUER)?,
            subject: format!("u{}", chance.below(1_000_000)).into(),
            scopes: texts(&["openid", "profile", &scope(service)]),
            groups: texts(&["staff", &label(service)]),
            amr: texts(if mfa { &["pwd", "mfa"] } else { &["pwd"] }),
        };
        Ok(Request {
            user: caller.is_none().then_some(user),
            caller,
            service: Name::parse(&name(service))?,
            method: rule.method,
            path: rule.path.replace("{id}", &chance.below(1_000_000).to_string()),
            client: IpAddr::from([10, 1, 2, 3]),
            now: NOON,
            gateway: Name::parse(GATEWAY)?,
            port: Name::parse(PORT)?,
        })
    }

    /// Takes away one thing, which some rule may not need: about two in five of all requests are denied.
    fn spoil(&mut self, world: &World, chance: &mut Chance) -> Result<()> {
        match chance.below(7) {
            0 => self.method = "PATCH",
            1 => self.path.push_str("/lines"),
            2 => self.now = NIGHT,
            3 => self.client = IpAddr::from([203, 0, 113, 7]),
            4 => self.service = Name::parse(&name(chance.below(world.services.len())))?,
            5 => self.caller = Some(id(chance.below(world.services.len()))?),
            _ => self.user = None,
        }
        if self.caller.is_some() {
            self.user = None;
        }
        Ok(())
    }

    /// Reads every byte of it, and gives their sum.
    pub fn read(&self) -> u64 {
        let user = self.user.iter().flat_map(|user| {
            let lists = [&user.scopes, &user.groups, &user.amr].into_iter().flatten().map(|text| &**text);
            lists.chain([user.issuer.as_str(), &user.subject])
        });
        let caller = self.caller.iter().map(SpiffeId::as_str);
        let own = [self.service.as_str(), self.port.as_str(), self.gateway.as_str(), self.method, &self.path];
        let texts = own.into_iter().chain(caller).chain(user);
        texts.flat_map(str::bytes).map(u64::from).sum()
    }

    /// The facts, borrowed.
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            peer: match &self.caller {
                Some(id) => Peer::Workload(id),
                None => Peer::Outside { gateway: &self.gateway, host: HOST },
            },
            credential: self.user.as_ref().map_or(Credential::Absent, Credential::Token),
            service: &self.service,
            port: &self.port,
            request: Some(RequestFacts { method: self.method, path: &self.path }),
            client: Some(self.client),
            now: self.now,
            headers: &[],
            tls: Some(TLS),
        }
    }
}

fn id(service: usize) -> Result<SpiffeId> {
    Ok(SpiffeId::parse(&format!("spiffe://{TRUST_DOMAIN}/{}", name(service)))?)
}
