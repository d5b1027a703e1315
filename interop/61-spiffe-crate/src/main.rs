//! What the `spiffe` crate says of a Workload API: `interop-spiffe ROTATION_SECONDS`, with SPIFFE_ENDPOINT_SOCKET set.

use spiffe::{BundleSource, WorkloadApiClient, X509Source};
use std::error::Error;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    let client = WorkloadApiClient::connect_env().await?;
    let first = client.fetch_x509_svid().await?;
    println!("id {}", first.spiffe_id());
    let bundles = client.fetch_x509_bundles().await?;
    println!("bundles {}", bundles.len());
    let token = client.fetch_jwt_svid(["echo"], None).await?;
    println!("jwt {} {:?}", token.spiffe_id(), token.audience());
    let keys = client.fetch_jwt_bundles().await?;
    println!("jwt bundles {}", keys.len());
    let validated = client.validate_jwt_token("echo", token.token()).await?;
    println!("jwt validated {}", validated.spiffe_id());
    match client.validate_jwt_token("other", token.token()).await {
        Ok(_) => println!("jwt elsewhere taken"),
        Err(error) => println!("jwt elsewhere refused: {error:?}"),
    }
    let source = X509Source::new().await?;
    let domain = first.spiffe_id().trust_domain().clone();
    println!("source {} {}", source.svid()?.spiffe_id(), source.bundle_for_trust_domain(&domain)?.is_some());
    let mut updates = source.updated();
    match tokio::time::timeout(Duration::from_secs(seconds), updates.changed()).await {
        Ok(_) if source.svid()?.leaf().as_bytes() != first.leaf().as_bytes() => println!("rotated"),
        Ok(_) => println!("the same again"),
        Err(_) => println!("no rotation"),
    }
    source.shutdown().await;
    Ok(())
}
