//! A change of a mesh such as a pull request makes, for `selvedge plan` between the two.

use super::world::World;

/// Of how many services one changes.
const EVERY: usize = 100;

/// In one service of a hundred: one rule goes, one takes another method, and one more service may call.
pub fn change(world: &mut World) {
    let count = world.services.len();
    for (service, rules) in world.services.iter_mut().enumerate().step_by(EVERY) {
        rules.pop();
        if let Some(rule) = rules.first_mut() {
            rule.method = if rule.method == "GET" { "HEAD" } else { "GET" };
        }
        if let Some(callers) = rules.iter_mut().find_map(|rule| rule.callers.as_mut()) {
            callers.push((service + 1) % count);
        }
    }
}
