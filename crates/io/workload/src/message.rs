//! The messages of the SPIFFE Workload API (SPIFFE Workload API standard, appendix A) and the few of Envoy's that SDS
//! needs, written out by hand: field numbers are what the wire has, the names are ours where that is clearer.

pub(crate) mod envoy;
pub(crate) mod spiffe;

use prost::Message;

/// Reads bytes as each message that a caller may send, for fuzzing: nothing panics, and what was read can be written.
pub fn fuzz_read(input: &[u8]) {
    fn again<M: Message + Default>(bytes: &[u8]) {
        if let Ok(message) = M::decode(bytes) {
            let _ = M::decode(message.encode_to_vec().as_slice());
        }
    }
    again::<spiffe::JwtSvidRequest>(input);
    again::<spiffe::ValidateJwtSvidRequest>(input);
    again::<spiffe::X509SvidResponse>(input);
    again::<spiffe::ValidateJwtSvidResponse>(input);
    again::<envoy::DiscoveryRequest>(input);
    let _ = crate::grpc::fuzz_read(input);
    let mut out = bytes::BytesMut::new();
    crate::authority::Rewriter::new().feed(input, &mut out);
}
