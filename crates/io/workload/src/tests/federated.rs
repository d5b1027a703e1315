//! Bundles of federated trust domains go to workloads that deal with them, and to no other.

use super::*;
use crate::WorkloadClient;
use selvedge_model::TrustDomain;

#[tokio::test]
async fn a_workload_gets_the_bundles_of_the_trust_domains_that_it_deals_with() {
    let world = World::start();
    let domain = |name: &str| TrustDomain::parse(name).unwrap();
    let partner = Authority::create(&domain("partner.example"), now_s()).unwrap().bundle();
    let stranger = Authority::create(&domain("stranger.example"), now_s()).unwrap().bundle();
    let show = |deals: &[&str]| {
        let federates_with = deals.iter().map(|name| domain(name)).collect();
        let offers = vec![Offer { federates_with, ..world.offer("orders", own()) }];
        let federated = vec![partner.clone(), stranger.clone()];
        let (trust, revoked) = (world.authority.bundle(), Arc::default());
        world.views.send_replace(Some(Arc::new(View { trust, revoked, federated, jwt: BTreeMap::new(), offers })));
    };
    show(&["partner.example"]);
    let mut client = WorkloadClient::connect(&world.path).await.unwrap();
    let given = client.next().await.unwrap();
    let roots: Vec<&Vec<u8>> = given.federated.iter().flat_map(|trust| &trust.roots).collect();
    assert_eq!(roots, partner.roots.iter().collect::<Vec<_>>());
    show(&[]);
    assert!(client.next().await.unwrap().federated.is_empty());
}
