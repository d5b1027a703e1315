//! Tokens at a desk whose control is this test.

use super::*;
use selvedge_identity::{Authority, JwtKey, JwtTerms, PrivateKey, Revoked, Svid, Terms, request};
use selvedge_model::TrustDomain;
use selvedge_net::random_bytes;
use selvedge_workload::Offer;

const ORDERS: &str = "spiffe://acme.example/ns/default/service/orders";

struct World {
    domain: TrustDomain,
    key: JwtKey,
    views: watch::Sender<Option<Arc<View>>>,
    desk: Desk,
    wishes: Wishes,
}

impl World {
    fn new() -> World {
        let (views, seen) = watch::channel(None);
        let (desk, wishes) = desk(seen);
        let domain = TrustDomain::parse("acme.example").unwrap();
        let world = World { domain, key: JwtKey::generate().unwrap(), views, desk, wishes };
        world.show(&world.key);
        world
    }

    /// A bundle with this key.
    fn show(&self, key: &JwtKey) {
        let authority = Authority::create(&self.domain, now_s()).unwrap();
        let mine = PrivateKey::generate().unwrap();
        let terms = Terms { ttl_s: 3600, now: now_s(), serial: random_bytes() };
        let chain = authority.issue_svid(&request(&mine).unwrap(), &id(ORDERS), &[], &terms).unwrap();
        let offer = Offer {
            federates_with: Default::default(),
            service: Name::parse("orders").unwrap(),
            workload: None,
            svid: Some(Svid::new(chain, mine).unwrap()),
            outbound: None,
            ports: Vec::new(),
        };
        let trust = TrustBundle { jwt_keys: vec![key.authority().clone()], ..authority.bundle() };
        let jwt = BTreeMap::from([keys(&trust)]);
        self.views.send_replace(Some(Arc::new(View {
            trust,
            revoked: Arc::default(),
            federated: Vec::new(),
            jwt,
            offers: vec![offer],
        })));
    }

    fn token(&self, of: &str, audiences: &[&str], (now, ttl_s): (u64, u64)) -> String {
        let domain = TrustDomain::parse(id(of).trust_domain()).unwrap();
        let audiences = texts(audiences);
        self.key.issue(&domain, &id(of), &JwtTerms { audiences: &audiences, ttl_s, now }).unwrap()
    }

    /// A workload's call, which control answers with this, if it is asked.
    async fn mint(&mut self, audiences: &[&str], answer: Result<String, String>) -> (Result<String, TokenError>, bool) {
        let minted = self.desk.mint(&id(ORDERS), &texts(audiences));
        let wishes = &mut self.wishes;
        let mut asked = false;
        let control = async {
            let FromNode::IssueJwt { ticket, service, .. } = wishes.next().await else { panic!("another message") };
            assert_eq!(service.as_str(), "orders");
            asked = true;
            assert!(wishes.answered(ticket, answer));
            std::future::pending::<()>().await
        };
        let minted = tokio::select! { minted = minted => minted, () = control => panic!("never ends") };
        (minted, asked)
    }
}

fn id(text: &str) -> SpiffeId {
    SpiffeId::parse(text).unwrap()
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_kept_for_its_audiences() {
    let mut world = World::new();
    let token = world.token(ORDERS, &["a"], (now_s(), 300));
    let (minted, asked) = world.mint(&["a"], Ok(token.clone())).await;
    assert_eq!((minted.as_deref(), asked), (Ok(token.as_str()), true));
    let (minted, asked) = world.mint(&["a"], Err("not asked".to_owned())).await;
    assert_eq!((minted.as_deref(), asked), (Ok(token.as_str()), false));
    let (minted, asked) = world.mint(&["b"], Err("away".to_owned())).await;
    assert_eq!((minted, asked), (Err(TokenError::Unavailable("away".to_owned())), true));
}

#[tokio::test]
async fn a_token_past_half_of_its_life_is_renewed_and_good_while_control_is_away() {
    let mut world = World::new();
    let token = world.token(ORDERS, &["a"], (now_s(), 300));
    assert!(world.mint(&["a"], Ok(token.clone())).await.0.is_ok());
    for of_one in world.desk.kept().values_mut() {
        of_one.tokens.values_mut().for_each(|token| token.renew_at = now_s());
    }
    let (minted, asked) = world.mint(&["a"], Err("away".to_owned())).await;
    assert_eq!((minted.as_deref(), asked), (Ok(token.as_str()), true));
    let newer = world.token(ORDERS, &["a"], (now_s(), 200));
    assert_eq!(world.mint(&["a"], Ok(newer.clone())).await.0, Ok(newer));
}

#[tokio::test]
async fn a_token_whose_key_left_the_bundle_is_not_given_out() {
    let mut world = World::new();
    let token = world.token(ORDERS, &["a"], (now_s(), 300));
    assert!(world.mint(&["a"], Ok(token)).await.0.is_ok());
    world.key = JwtKey::generate().unwrap();
    world.show(&world.key);
    assert_eq!(world.mint(&["a"], Err("away".to_owned())).await, (Err(TokenError::Unavailable("away".into())), true));
}

#[tokio::test]
async fn a_token_from_before_a_revocation_is_neither_good_nor_given_out() {
    let mut world = World::new();
    let (old, new) = (world.token(ORDERS, &["a"], (now_s() - 9, 300)), world.token(ORDERS, &["a"], (now_s(), 300)));
    assert!(world.mint(&["a"], Ok(old.clone())).await.0.is_ok());
    let mut revoked = Revoked::default();
    revoked.identity(ORDERS, now_s() - 5).unwrap();
    let view = world.views.borrow().clone().unwrap();
    world.views.send_replace(Some(Arc::new(View { revoked: Arc::new(revoked), ..(*view).clone() })));
    let refused = world.desk.validate(&old, "a").await;
    assert!(matches!(&refused, Err(TokenError::Refused(text)) if text.contains("is revoked")), "{refused:?}");
    assert!(world.desk.validate(&new, "a").await.is_ok());
    assert_eq!(world.mint(&["a"], Ok(new.clone())).await, (Ok(new), true));
}

#[tokio::test]
async fn what_was_not_asked_for_is_not_given_out() {
    let mut world = World::new();
    let now = now_s();
    let wrong = [
        world.token("spiffe://acme.example/ns/default/service/web", &["a"], (now, 300)),
        world.token("spiffe://other.example/ns/default/service/orders", &["a"], (now, 300)),
        world.token(ORDERS, &["b"], (now, 300)),
        world.token(ORDERS, &["a"], (now - 500, 300)),
        "no token".to_owned(),
    ];
    for token in wrong {
        let (minted, _) = world.mint(&["a"], Ok(token.clone())).await;
        assert!(matches!(minted, Err(TokenError::Unavailable(_))), "{token}: {minted:?}");
    }
    assert!(world.desk.kept().values().all(|of_one| of_one.tokens.is_empty()));
    assert!(world.desk.mint(&id("spiffe://acme.example/ns/default/service/web"), &texts(&["a"])).await.is_err());
}

#[tokio::test]
async fn a_lost_link_ends_the_waiting() {
    let mut world = World::new();
    let minted = world.desk.mint(&id(ORDERS), &texts(&["a"]));
    let control = async {
        world.wishes.next().await;
        world.wishes.link_lost();
    };
    let (minted, ()) = tokio::join!(minted, control);
    assert_eq!(minted, Err(TokenError::Unavailable("the link to control was lost".to_owned())));
}

#[tokio::test]
async fn one_identity_has_few_wishes_and_control_fewer_questions() {
    let mut world = World::new();
    let mut calls = tokio::task::JoinSet::new();
    for index in 0..=WAITING_PER_ID_MAX {
        calls.spawn(world.desk.mint(&id(ORDERS), &[format!("a{index}")]));
    }
    let refused = calls.join_next().await.unwrap().unwrap();
    assert_eq!(refused, Err(TokenError::Unavailable("too many tokens are being made for it".to_owned())));
    for _ in 0..OPEN_MAX {
        world.wishes.next().await;
    }
    assert_eq!(world.wishes.patience(), ANSWER_MAX);
    let is_full = tokio::select! { biased; _ = world.wishes.next() => false, () = std::future::ready(()) => true };
    assert!(is_full);
    // Who has given up makes room, and what it waited for is not asked.
    calls.shutdown().await;
    let none = tokio::select! { biased; _ = world.wishes.next() => false, () = std::future::ready(()) => true };
    assert!(none && world.wishes.open.is_empty() && world.wishes.queue.is_empty());
}

#[test]
fn at_most_so_many_tokens_are_kept() {
    let mut of_one = OfOne::new();
    for index in 0..2 * KEPT_PER_ID_MAX {
        let token = Token { text: Zeroizing::new(String::new()), renew_at: index as u64 };
        of_one.keep(vec![index.to_string()], token);
    }
    assert_eq!(of_one.tokens.len(), KEPT_PER_ID_MAX);
    assert!(of_one.tokens.values().all(|token| token.renew_at >= KEPT_PER_ID_MAX as u64));
}

#[tokio::test]
async fn tokens_are_validated_by_the_bundle_alone() {
    let world = World::new();
    let now = now_s();
    let good = world.token(ORDERS, &["a", "b"], (now, 300));
    let validated = world.desk.validate(&good, "b").await.unwrap();
    assert_eq!((validated.id.as_str(), validated.claims.get("aud")), (ORDERS, Some(&serde_json::json!(["a", "b"]))));
    let forged = JwtKey::generate().unwrap();
    let audiences = texts(&["a"]);
    let terms = JwtTerms { audiences: &audiences, ttl_s: 300, now };
    let (head, _) = good.rsplit_once('.').unwrap();
    let (_, other) = good.split_at(good.len() - 86);
    let of_another = world.token(ORDERS, &["a"], (now, 299));
    let (of_another, _) = of_another.rsplit_once('.').unwrap();
    let refused = [
        (good.clone(), "c", "the token is not for this audience"),
        (world.token(ORDERS, &["a"], (now - 500, 300)), "a", "expired"),
        (world.token("spiffe://other.example/x", &["a"], (now, 300)), "a", "is not of the trust domain"),
        (forged.issue(&world.domain, &id(ORDERS), &terms).unwrap(), "a", "has no key that the token names"),
        (format!("{of_another}.{other}"), "a", "signature is not by the key"),
        (format!("{head}."), "a", "signature is not by the key"),
        ("a.b.c".to_owned(), "a", "no JWT"),
    ];
    for (token, audience, reason) in refused {
        let error = world.desk.validate(&token, audience).await.unwrap_err();
        assert!(matches!(&error, TokenError::Refused(text) if text.contains(reason)), "{reason}: {error:?}");
    }
    world.views.send_replace(None);
    assert!(matches!(world.desk.validate(&good, "a").await, Err(TokenError::Unavailable(_))));
}

#[test]
fn the_keys_are_given_out_by_the_trust_domains_id() {
    let world = World::new();
    let view = world.views.borrow().clone().unwrap();
    let (domain, jwks) = view.jwt.first_key_value().unwrap();
    assert_eq!(domain, "spiffe://acme.example");
    assert!(jwks.contains(&world.key.authority().kid) && jwks.contains("jwt-svid"));
}
