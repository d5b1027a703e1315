//! All authorities of one trust domain: the one that signs, those before and after it, the keys of tokens, and the state
//! of their rotation. What is kept of it is one text, so that it changes as a whole or not at all.

use crate::authority::{Authority, AuthorityError, AuthorityPem};
use crate::bundle::TrustBundle;
use crate::issue_error::IssueError;
use crate::issuer::ROOT_TTL_S;
use crate::jwt::JwtKey;
use crate::key::PrivateKey;
use crate::rotation::{Kind, Receipts, Rotation, Step, is_due};
use crate::signer::FindSigner;
use selvedge_model::TrustDomain;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The life of a key of tokens: 30 days.
const JWT_KEY_TTL_S: u64 = 30 * 24 * 3600;

/// How fast rotation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Seconds that a new root lives.
    pub root_ttl_s: u64,
    /// Seconds that a new root is distributed at least, before it signs.
    pub settle_s: u64,
}

impl Pace {
    /// Ten years; for leaves of this life, a quarter of it and at most ten minutes of distribution.
    pub fn of(leaf_ttl_s: u64) -> Pace {
        Pace { root_ttl_s: ROOT_TTL_S, settle_s: (leaf_ttl_s / 4).min(600) }
    }
}

/// The authorities of a trust domain.
#[derive(Debug)]
pub struct Realm {
    trust_domain: TrustDomain,
    rotation: Rotation,
    /// By fingerprint of the root.
    authorities: BTreeMap<String, Authority>,
    /// By `kid`.
    jwt_keys: BTreeMap<String, JwtKey>,
}

/// A realm as it is kept: private keys, or references to them. Not to be printed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RealmKept {
    /// The trust domain.
    pub trust_domain: TrustDomain,
    rotation: Rotation,
    authorities: BTreeMap<String, AuthorityKept>,
    jwt_keys: BTreeMap<String, KeptKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorityKept {
    root: String,
    root_key: KeptKey,
    intermediate: String,
    intermediate_key: KeptKey,
}

/// A private key, or a reference to one, as text that is zeroed when it goes.
#[derive(Clone)]
struct KeptKey(Zeroizing<String>);

impl Serialize for KeptKey {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for KeptKey {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<KeptKey, D::Error> {
        String::deserialize(from).map(|text| KeptKey(Zeroizing::new(text)))
    }
}

impl Realm {
    /// The realm of a new trust domain, with this first authority.
    ///
    /// # Errors
    /// When a key cannot be made.
    pub fn create(first: Authority, now: u64) -> Result<Realm, IssueError> {
        let trust_domain = first.trust_domain.clone();
        let rotation = Rotation::default();
        let mut realm = Realm { trust_domain, rotation, authorities: BTreeMap::new(), jwt_keys: BTreeMap::new() };
        let nobody = Receipts::nobody("");
        let pace = Pace { root_ttl_s: ROOT_TTL_S, settle_s: 0 };
        let mut first = Some(first);
        for _ in 0..4 {
            realm.advance(now, &nobody, pace, &mut |_| first.take().ok_or(IssueError::Serial))?;
        }
        Ok(realm)
    }

    /// Reads what [`Realm::kept`] gives; `find` resolves a kept key.
    ///
    /// # Errors
    /// When a text cannot be read, or they do not belong together.
    pub fn from_kept(kept: &RealmKept, find: &FindSigner<'_>) -> Result<Realm, AuthorityError> {
        let domain = &kept.trust_domain;
        let authority = |(id, kept): (&String, &AuthorityKept)| {
            let authority = Authority::from_kept(&kept.pem(), domain, find)?;
            if authority.root_fingerprint() == *id {
                Ok((id.clone(), authority))
            } else {
                Err(AuthorityError::Unrelated)
            }
        };
        let jwt_key = |(id, kept): (&String, &KeptKey)| {
            let key = JwtKey::of(PrivateKey::from_pem(&kept.0)?)?;
            if key.authority().kid == *id { Ok((id.clone(), key)) } else { Err(AuthorityError::WrongKey) }
        };
        let realm = Realm {
            trust_domain: domain.clone(),
            rotation: kept.rotation.clone(),
            authorities: kept.authorities.iter().map(authority).collect::<Result<_, _>>()?,
            jwt_keys: kept.jwt_keys.iter().map(jwt_key).collect::<Result<_, AuthorityError>>()?,
        };
        let roots = realm.rotation.roots.iter().all(|slot| realm.authorities.contains_key(&slot.id));
        let keys = realm.rotation.jwt_keys.iter().all(|slot| realm.jwt_keys.contains_key(&slot.id));
        if roots && keys && realm.active().is_ok() { Ok(realm) } else { Err(AuthorityError::Unrelated) }
    }

    /// What is to be kept. Whoever holds it is the authority.
    pub fn kept(&self) -> RealmKept {
        let authority = |(id, authority): (&String, &Authority)| {
            let AuthorityPem { root_certificate, root_key, intermediate_certificate, intermediate_key } =
                authority.to_pem();
            let (root, intermediate) = (root_certificate, intermediate_certificate);
            let (root_key, intermediate_key) = (KeptKey(root_key), KeptKey(intermediate_key));
            (id.clone(), AuthorityKept { root, root_key, intermediate, intermediate_key })
        };
        RealmKept {
            trust_domain: self.trust_domain.clone(),
            rotation: self.rotation.clone(),
            authorities: self.authorities.iter().map(authority).collect(),
            jwt_keys: self.jwt_keys.iter().map(|(id, key)| (id.clone(), KeptKey(key.private().to_pem()))).collect(),
        }
    }

    /// The trust domain.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// Where rotation stands.
    pub fn rotation(&self) -> &Rotation {
        &self.rotation
    }

    /// What verifies everything that these authorities issue, and is distributed.
    pub fn bundle(&self) -> TrustBundle {
        let roots = self.rotation.roots.iter().filter_map(|slot| self.authorities.get(&slot.id));
        let keys = self.rotation.jwt_keys.iter().filter_map(|slot| self.jwt_keys.get(&slot.id));
        TrustBundle {
            trust_domain: self.trust_domain.clone(),
            roots: roots.map(|authority| authority.root.certificate.clone()).collect(),
            jwt_keys: keys.map(|key| key.authority().clone()).collect(),
            sequence: self.rotation.sequence,
        }
    }

    /// The authority that signs.
    ///
    /// # Errors
    /// When there is none, which never happens in a realm that was created or read.
    pub fn active(&self) -> Result<&Authority, IssueError> {
        let slot = self.rotation.active_root();
        slot.and_then(|slot| self.authorities.get(&slot.id)).ok_or(IssueError::NoAuthority)
    }

    /// The key that signs tokens.
    ///
    /// # Errors
    /// When there is none, which never happens in a realm that was created or read.
    pub fn jwt_key(&self) -> Result<&JwtKey, IssueError> {
        let slot = self.rotation.active_jwt_key();
        slot.and_then(|slot| self.jwt_keys.get(&slot.id)).ok_or(IssueError::NoAuthority)
    }

    /// Notes the life of a leaf that is about to be issued. `true`: it is the longest so far, and is to be kept first.
    pub fn note_leaf(&mut self, ttl_s: u64) -> bool {
        let is_longest = ttl_s > self.rotation.leaf_ttl_s_max;
        if is_longest {
            self.rotation.leaf_ttl_s_max = ttl_s;
        }
        is_longest
    }

    /// Asks for a new root, whatever the age of the one that signs.
    pub fn ask(&mut self) {
        self.rotation.is_asked = self.rotation.prepared_root().is_none();
    }

    /// Marks a root as compromised: a new one is made if it signs, everybody is issued anew, and it is taken from the
    /// bundle as soon as those that are connected have moved. `false`: there is no such root.
    pub fn taint(&mut self, root: &str) -> bool {
        self.rotation.taint(root)
    }

    /// Takes the next step at `now`, if there is one. Keep the realm before the next call: one step is one change.
    /// `make` makes the next authority.
    ///
    /// # Errors
    /// When something cannot be made; then nothing has changed.
    pub fn advance(
        &mut self,
        now: u64,
        receipts: &Receipts,
        pace: Pace,
        make: &mut dyn FnMut(u64) -> Result<Authority, IssueError>,
    ) -> Result<Option<Step>, IssueError> {
        let step = self.rotation.next(now, receipts, pace.settle_s).or_else(|| self.intermediate_due(now));
        match &step {
            None => {}
            Some(Step::PrepareRoot) => self.prepare(make(now)?, now),
            Some(Step::ActivateRoot(id)) => self.rotation.activated(Kind::Root, id, now),
            Some(Step::RetireRoot(id)) => {
                self.rotation.retired(Kind::Root, id);
                self.authorities.remove(id);
            }
            Some(Step::RenewIntermediate) => {
                let signs = self.rotation.active_root().map(|slot| slot.id.clone()).unwrap_or_default();
                self.authorities.get_mut(&signs).ok_or(IssueError::NoAuthority)?.renew_intermediate(now)?;
            }
            Some(Step::PrepareJwtKey) => {
                let key = JwtKey::generate()?;
                let id = key.authority().kid.clone();
                self.jwt_keys.insert(id.clone(), key);
                let life = (now, now.saturating_add(JWT_KEY_TTL_S));
                self.rotation.prepared(Kind::JwtKey, id, life, now);
            }
            Some(Step::ActivateJwtKey(id)) => self.rotation.activated(Kind::JwtKey, id, now),
            Some(Step::RetireJwtKey(id)) => {
                self.rotation.retired(Kind::JwtKey, id);
                self.jwt_keys.remove(id);
            }
        }
        Ok(step)
    }

    /// Takes a new authority in. Below a root that is there already, it is a new intermediate and nothing else: no node
    /// has to learn of it first.
    fn prepare(&mut self, authority: Authority, now: u64) {
        let id = authority.root_fingerprint();
        let life = authority.root_life();
        let is_new = self.authorities.insert(id.clone(), authority).is_none();
        if is_new {
            self.rotation.prepared(Kind::Root, id, life, now);
        } else {
            self.rotation.is_asked = false;
        }
    }

    fn intermediate_due(&self, now: u64) -> Option<Step> {
        let signs = self.active().ok()?;
        let ends_with_its_root = signs.intermediate_not_after() >= signs.root_not_after();
        let is_due = is_due(signs.intermediate_life(), now) && !ends_with_its_root && signs.can_renew();
        is_due.then_some(Step::RenewIntermediate)
    }
}

impl AuthorityKept {
    fn pem(&self) -> AuthorityPem {
        AuthorityPem {
            root_certificate: self.root.clone(),
            root_key: self.root_key.0.clone(),
            intermediate_certificate: self.intermediate.clone(),
            intermediate_key: self.intermediate_key.0.clone(),
        }
    }
}
