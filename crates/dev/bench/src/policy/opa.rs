//! The same rules and facts for Open Policy Agent, in the form that suits it best: one Rego rule for each of ours, with
//! its service, method and path as literals, so that OPA's rule index finds the few that can apply.

use super::request::Request;
use super::world::{Condition, GATEWAY, HOST, ISSUER, PORT, Rule, World, label, name, scope};
use serde_json::{Value, json};
use std::fmt::Write;

/// The policy in Rego.
pub fn rego(world: &World) -> String {
    let mut text = String::from("package mesh\n\ndefault allow := false\n");
    for (service, rules) in world.services.iter().enumerate() {
        for rule in rules {
            // Writing to a text cannot fail.
            let _ = write_rule(&mut text, service, rule);
        }
    }
    text
}

/// What rules compare with facts: the labels of each service.
pub fn data(world: &World) -> Value {
    let labels = (0..world.services.len()).map(|service| (name(service), json!([label(service)])));
    json!({ "labels": labels.collect::<serde_json::Map<_, _>>() })
}

/// One request as OPA reads it, with the answer that it must come to.
pub fn request(request: &Request, allow: bool) -> Value {
    let hour = request.now / 3_600 % 24;
    let path: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let mut input = json!({
        "service": request.service.as_str(), "port": PORT, "method": request.method, "path": path,
        "client": request.client.to_string(), "time": { "hour": hour },
    });
    let who = match (&request.caller, &request.user) {
        (Some(id), _) => {
            let own = id.as_str().rsplit('/').next().unwrap_or_default();
            json!({ "caller": { "kind": "service", "name": own } })
        }
        (None, Some(user)) => json!({
            "caller": { "kind": "outside", "gateway": GATEWAY, "host": HOST },
            "user": {
                "issuer": user.issuer.as_str(), "subject": user.subject, "scopes": user.scopes, "groups": user.groups,
                "amr": user.amr,
            },
        }),
        (None, None) => json!({ "caller": { "kind": "outside", "gateway": GATEWAY, "host": HOST } }),
    };
    if let (Value::Object(input), Value::Object(who)) = (&mut input, who) {
        input.extend(who);
    }
    json!({ "input": input, "allow": allow })
}

fn write_rule(text: &mut String, service: usize, rule: &Rule) -> std::fmt::Result {
    let segments = rule.path.trim_start_matches('/').split('/');
    let segments: Vec<String> =
        segments.map(|segment| if segment == "{id}" { "_".into() } else { format!("{segment:?}") }).collect();
    writeln!(text, "\nallow if {{\n\tinput.service == {:?}\n\tinput.port == {PORT:?}", name(service))?;
    writeln!(text, "\tinput.method == {:?}\n\tinput.path = [{}]", rule.method, segments.join(", "))?;
    match &rule.callers {
        Some(callers) => {
            let callers: Vec<String> = callers.iter().map(|caller| format!("{:?}", name(*caller))).collect();
            writeln!(text, "\tinput.caller.kind == \"service\"\n\tinput.caller.name in {{{}}}", callers.join(", "))?;
        }
        None => {
            writeln!(text, "\tinput.caller.gateway == {GATEWAY:?}\n\tinput.caller.host == {HOST:?}")?;
            writeln!(text, "\tinput.user.issuer == {ISSUER:?}\n\t{:?} in input.user.scopes", scope(service))?;
        }
    }
    let condition = match (rule.condition, rule.callers.is_none()) {
        (None, _) => "",
        (Some(Condition::Day), _) => "\tinput.time.hour >= 6\n\tinput.time.hour < 22\n",
        (Some(Condition::Mfa), _) => "\t\"mfa\" in input.user.amr\n",
        (Some(Condition::Network), _) => "\tnet.cidr_contains(\"10.0.0.0/8\", input.client)\n",
        (Some(Condition::Tenant), true) => "\tsome group in input.user.groups\n\tgroup in data.labels[input.service]\n",
        (Some(Condition::Tenant), false) => {
            "\tsome shared in data.labels[input.caller.name]\n\tshared in data.labels[input.service]\n"
        }
    };
    writeln!(text, "{condition}}}")
}
