//! Routing by host, path and method; endpoints; and that the hash follows the content.

use crate::Plan;
use selvedge_config::checked::{
    Access, Checked, CredentialRule, Endpoint, From, Gateway, HostPort, Limits, Listener, Mesh, Plaintext, Port,
    Protocol, Rule, Service, Traffic,
};
use selvedge_model::{Host, HostPattern, Name, PathPattern, RuleId, Source, TrustDomain};
use std::collections::BTreeMap;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn source() -> Source {
    Source { file: "mesh.yaml".into(), line: 1 }
}

fn service(service: &str) -> Service {
    let port = Port { name: name("http"), protocol: Protocol::Http, target: ([127, 0, 0, 1], 8080).into() };
    Service {
        name: name(service),
        labels: BTreeMap::new(),
        workload: None,
        ports: vec![port],
        endpoints: Vec::new(),
        outbound: None,
        traffic: Traffic::default(),
        plaintext: Plaintext::Refuse,
        mode: selvedge_config::checked::Mode::Enforce,
        limits: Vec::new(),
        federates_with: Default::default(),
        source: source(),
    }
}

fn exposure(service: &str, host: &str, path: &str, methods: Option<&str>) -> Access {
    let credential = CredentialRule::Token { issuer: name("corporate"), scopes: Vec::new(), groups: Vec::new() };
    let rule = Rule {
        id: RuleId { access: name(service), rule: name("open"), source: source() },
        from: From::Gateway { gateway: name("public"), hosts: vec![HostPattern::parse(host).unwrap()], credential },
        on_behalf_of: None,
        ports: vec![name("http")],
        methods: methods.map(|method| vec![method.into()]),
        paths: vec![PathPattern::parse(path).unwrap()],
        when: None,
        terms: Default::default(),
        schema: None,
    };
    Access { name: name(service), service: name(service), rules: vec![rule] }
}

fn checked(access: Vec<Access>) -> Checked {
    let listener = Listener {
        address: ([127, 0, 0, 1], 443).into(),
        hosts: vec![HostPattern::Any],
        certificate: None,
        preset: Default::default(),
        source: source(),
        client_sets: Vec::new(),
    };
    let gateway = Gateway {
        name: name("public"),
        listeners: vec![listener],
        trusted_proxies: Vec::new(),
        limits: Limits::default(),
        throttle: Vec::new(),
    };
    let trust_domain = TrustDomain::parse("acme.example").unwrap();
    let services: Vec<Service> = access.iter().map(|access| service(access.service.as_str())).collect();
    Checked {
        mesh: Mesh {
            name: name("acme"),
            trust_domain,
            issuers: BTreeMap::new(),
            workload_ttl_s: 3600,
            api_keys: BTreeMap::new(),
            client_sets: BTreeMap::new(),
            limit_keys: 1024,
            federates_with: Default::default(),
        },
        gateways: [(name("public"), gateway)].into(),
        services: services.into_iter().map(|service| (service.name.clone(), service)).collect(),
        access,
        guardrails: Vec::new(),
        schemas: Vec::new(),
        expectations: Vec::new(),
        allow: Vec::new(),
        places: Default::default(),
    }
}

fn shop() -> Vec<Access> {
    vec![
        exposure("any", "*", "/**", None),
        exposure("orders", "api.acme.example", "/orders/{id}", Some("GET")),
        exposure("latest", "api.acme.example", "/orders/latest", Some("GET")),
        exposure("tenants", "*.acme.example", "/orders/{id}", None),
    ]
}

fn routed(host: &str, path: &str, method: &str) -> Option<String> {
    let plan = Plan::compile(checked(shop()), &BTreeMap::new()).unwrap();
    let route = plan.routes(&name("public")).unwrap().find(host, path, method).cloned();
    route.map(|route| route.service.to_string())
}

#[test]
fn the_more_specific_host_and_path_win() {
    assert_eq!(routed("api.acme.example", "/orders/1", "GET").as_deref(), Some("orders"));
    assert_eq!(routed("api.acme.example", "/orders/latest", "GET").as_deref(), Some("latest"));
    assert_eq!(routed("other.acme.example", "/orders/1", "GET").as_deref(), Some("tenants"));
    assert_eq!(routed("elsewhere.example", "/orders/1", "GET").as_deref(), Some("any"));
}

#[test]
fn a_path_without_the_method_falls_to_the_next_claim() {
    assert_eq!(routed("api.acme.example", "/orders/latest", "DELETE").as_deref(), Some("tenants"));
}

#[test]
fn what_no_rule_exposes_has_no_route() {
    let plan = Plan::compile(checked(vec![shop().remove(1)]), &BTreeMap::new()).unwrap();
    let routes = plan.routes(&name("public")).unwrap();
    assert_eq!(routes.find("api.acme.example", "/admin", "GET"), None);
    assert_eq!(routes.find("evil.example", "/orders/1", "GET"), None);
    assert!(plan.routes(&name("partner")).is_none());
}

#[test]
fn the_hash_follows_the_content_and_nothing_else() {
    let hash = |access, registered: &BTreeMap<_, _>| Plan::compile(checked(access), registered).unwrap().hash().clone();
    let none = BTreeMap::new();
    let endpoint = Endpoint::Mesh(HostPort { host: Host::parse("10.0.0.5").unwrap(), port: 7443 });
    let registered: BTreeMap<Name, Vec<Endpoint>> = [(name("orders"), vec![endpoint])].into();
    assert_eq!(hash(shop(), &none), hash(shop(), &none));
    assert_ne!(hash(shop(), &none), hash(shop(), &registered));
    assert_ne!(hash(shop(), &none), hash(vec![exposure("any", "*", "/a", None)], &none));
}

#[test]
fn a_mesh_server_name_stands_for_one_port_of_one_service() {
    let plan = Plan::compile(checked(shop()), &BTreeMap::new()).unwrap();
    let server_name = plan.server_name(&name("orders"), &name("http"));
    assert_eq!(server_name, "http.orders.acme.example");
    let (service, port) = plan.by_server_name(&server_name).unwrap();
    assert_eq!((service.name.as_str(), port.name.as_str()), ("orders", "http"));
    for unknown in ["http.orders.evil.example", "http.orders", "orders.acme.example", "tcp.orders.acme.example", ""] {
        assert!(plan.by_server_name(unknown).is_none(), "{unknown}");
    }
}
