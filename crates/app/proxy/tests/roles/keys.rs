//! API keys at the edge: what speaks for an owner, what is refused, and that no service ever sees one.

use crate::client::Answer;
use crate::documents::Documents;
use crate::origin::{Origin, Reply};
use crate::way::{Way, around};
use crate::world::World;
use selvedge_authn::{NewKey, new_key};

const RULES: &[(&str, &str, &str)] = &[
    (
        "orders",
        "partners",
        "from: { gateway: edge, hosts: [narrow.example], apiKey: partners, scopes: [read] }, ports: [http], \
         paths: [/keys], limit: { rate: 2/h, per: subject }",
    ),
    (
        "orders",
        "anyone",
        "from: { gateway: edge, hosts: [narrow.example], anonymous: true }, ports: [http], paths: [/free]",
    ),
    (
        "orders",
        "machines",
        "from: { gateway: edge, hosts: [narrow.example], apiKey: machines }, ports: [http], paths: [/bots]",
    ),
];

fn document(key: &NewKey, set: &str, owner: &str, rest: &str) -> String {
    format!(
        "---\napiVersion: selvedge.dev/v1\nkind: ApiKey\nmetadata: {{ name: k-{} }}\n\
         spec: {{ set: {set}, owner: {owner}, id: \"{}\", sha256: \"{}\", {rest} }}\n",
        key.id, key.id, key.sha256
    )
}

fn key(number: u8) -> NewKey {
    new_key([number; 8], &[number; 32])
}

fn documents(documents: &mut Documents) {
    RULES.iter().for_each(|rule| documents.with(*rule));
    documents.key_sets = "{ partners: { header: X-API-Key }, machines: {} }";
    let later = "expires: \"2999-01-01T00:00:00Z\"";
    documents.appended = [
        document(&key(1), "partners", "acme", &format!("scopes: [read], {later}")),
        document(&key(2), "partners", "acme", &format!("scopes: [read], {later}")),
        document(&key(3), "partners", "other", later),
        document(&key(4), "partners", "acme", &format!("scopes: [read], revoked: true, {later}")),
        document(&key(5), "partners", "acme", "scopes: [read], expires: \"2020-01-01T00:00:00Z\""),
        document(&key(6), "machines", "robot", &format!("scopes: [read], {later}")),
    ]
    .concat();
}

async fn ask(world: &World, path: &str, fields: &str) -> Answer {
    let mut client = Way::EdgeHttp.connect(world).await;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: narrow.example{fields}\r\n\r\n")).await;
    client.answer().await.expect("no answer")
}

#[tokio::test]
async fn a_key_speaks_for_its_owner_and_reaches_no_service() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = around(&origin, documents).await;
    let good = ask(&world, "/keys", &format!("\r\nX-API-Key: {}", key(1).text)).await;
    assert_eq!(good.status, 200);
    // Two keys of one owner overlap while one is rotated, and share what the owner may do.
    assert_eq!(ask(&world, "/keys", &format!("\r\nx-api-key: {}", key(2).text)).await.status, 200);
    assert_eq!(ask(&world, "/keys", &format!("\r\nX-API-Key: {}", key(1).text)).await.status, 429);
    let bot = ask(&world, "/bots", &format!("\r\nAuthorization: ApiKey {}", key(6).text)).await;
    assert_eq!(bot.status, 200);
    for record in world.records(good.decision(), 2).await {
        let user = record.user.unwrap();
        assert_eq!((user.issuer.as_str(), &*user.subject), ("partners", "acme"));
    }
    let gateway = &world.records(good.decision(), 1).await[0];
    assert_eq!(gateway.key.as_deref(), Some(key(1).id.as_str()));
    let seen = String::from_utf8_lossy(&origin.bytes()).to_lowercase();
    assert!(!seen.contains("svk_") && !seen.contains("x-api-key") && !seen.contains("authorization"), "{seen}");
}

#[tokio::test]
async fn what_is_no_valid_key_is_refused_and_never_taken_for_nobody() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = around(&origin, documents).await;
    let [good, weak, revoked, expired, other] = [key(1), key(3), key(4), key(5), key(6)].map(|key| key.text);
    let forged = new_key([1; 8], &[9; 32]).text;
    let (cut, unknown) = (good.get(..40).unwrap_or_default().to_owned(), key(77).text);
    for (fields, status) in [
        (String::new(), 401),
        (format!("\r\nX-API-Key: {forged}"), 401),
        (format!("\r\nX-API-Key: {unknown}"), 401),
        (format!("\r\nX-API-Key: {cut}"), 401),
        ("\r\nX-API-Key: ".to_owned(), 401),
        (format!("\r\nX-API-Key: {revoked}"), 401),
        (format!("\r\nX-API-Key: {expired}"), 401),
        // Of another set, in this set's field; and this set's key where another's would be.
        (format!("\r\nX-API-Key: {other}"), 401),
        (format!("\r\nAuthorization: ApiKey {good}"), 401),
        (format!("\r\nAuthorization: Bearer {good}"), 401),
        // Two credentials, of which one is good: whichever were taken, the other would be believed by somebody.
        (format!("\r\nX-API-Key: {good}\r\nX-API-Key: {good}"), 401),
        (format!("\r\nX-API-Key: {good}\r\nAuthorization: ApiKey {other}"), 401),
        (format!("\r\nX-API-Key: {good}\r\nX_API_Key: {forged}"), 401),
        (format!("\r\nX_API_Key: {good}"), 401),
        (format!("\r\nX.API.Key: {good}"), 401),
        (format!("\r\nX-API-Key: {good}, {good}"), 401),
        (format!("\r\nX-API-Key: ApiKey {good}"), 401),
        (format!("\r\nX-API-Key: {weak}"), 403),
    ] {
        let answer = ask(&world, "/keys", &fields).await;
        assert_eq!(answer.status, status, "{fields:?}");
        if status == 401 {
            assert_eq!(answer.field("www-authenticate"), Some("ApiKey"), "{fields:?}");
        }
        // Also where nobody has to show anything: a bad credential is not none.
        let free = ask(&world, "/free", &fields).await.status;
        let nothing = fields.is_empty() || status == 403;
        assert_eq!(free, if nothing { 200 } else { 401 }, "{fields:?}");
    }
    // A key in a query is no credential: it would be in every log on the way.
    assert_eq!(ask(&world, &format!("/keys?api_key={good}"), "").await.status, 401);
    assert!(origin.requests().iter().all(|request| request.line == "GET /free HTTP/1.1"));
}
