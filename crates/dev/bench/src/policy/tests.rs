//! That the bench measures what it says: a mesh that is valid, the same for the same seed, and facts of both kinds.

use super::chance::Chance;
use super::request::Request;
use super::world::{Size, World};
use super::{edit, opa};
use selvedge_model::Decision;
use selvedge_policy::{Policy, Reference};

fn world(residual: bool) -> World {
    World::draw(Size { services: 40, rules: 6, residual }, &mut Chance::new(7))
}

fn policy(world: &World) -> Policy {
    let files = world.files();
    let checked = selvedge_config::check(&files);
    let checked = checked.unwrap_or_else(|found| panic!("{}", selvedge_config::render(&found, &files, false)));
    Policy::compile(&checked).unwrap_or_else(|found| panic!("{}", selvedge_config::render(&found, &files, false)))
}

fn allows(policy: &Policy, request: &Request) -> bool {
    matches!(policy.decide(&request.facts()), Decision::Allow(_))
}

#[test]
fn both_meshes_are_valid_and_their_facts_are_allowed_and_denied() {
    for residual in [false, true] {
        let world = world(residual);
        let policy = policy(&world);
        let requests = Request::draw(&world, 400, &mut Chance::new(8)).unwrap();
        let allowed = requests.iter().filter(|request| allows(&policy, request)).count();
        assert!((160..360).contains(&allowed), "{allowed} of 400 with residual {residual}");
    }
}

#[test]
fn cedar_decides_the_same() {
    for residual in [false, true] {
        let world = world(residual);
        let policy = policy(&world);
        let reference = Reference::of(&selvedge_config::check(&world.files()).unwrap()).unwrap();
        for request in Request::draw(&world, 200, &mut Chance::new(8)).unwrap() {
            let question = reference.question(&policy, &request.facts()).unwrap();
            assert_eq!(reference.answer(&question).allowed, allows(&policy, &request), "{request:?}");
        }
    }
}

#[test]
fn a_seed_gives_the_same_mesh() {
    let texts = |world: &World| world.files().iter().map(|file| file.text.to_string()).collect::<Vec<_>>();
    assert_eq!(texts(&world(false)), texts(&world(false)));
    assert_ne!(texts(&world(false)), texts(&world(true)));
}

#[test]
fn a_changed_mesh_is_valid_and_differs() {
    let (before, mut after) = (world(false), world(false));
    edit::change(&mut after);
    policy(&after);
    assert_eq!(after.rules(), before.rules() - 1);
}

#[test]
fn the_peer_gets_every_rule_and_the_answer_of_each_request() {
    let world = world(false);
    let policy = policy(&world);
    assert_eq!(opa::rego(&world).matches("allow if").count(), world.rules());
    let request = Request::draw(&world, 1, &mut Chance::new(9)).unwrap().remove(0);
    let written = opa::request(&request, allows(&policy, &request));
    assert_eq!(written["input"]["service"], request.service.as_str());
    assert!(written["allow"].is_boolean());
}
