//! What a caller of the Workload API may send: frames of HTTP/2, frames and messages of gRPC. Nothing panics.

pub(super) fn run(data: &[u8]) {
    selvedge_workload::fuzz_read(data);
}

pub(super) fn inputs() -> Vec<Vec<u8>> {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let headers = b"\0\0\x0a\x01\x04\0\0\0\x01\x83\x41\x07tmp%2Fx";
    vec![
        [&preface[..], b"\0\0\0\x04\0\0\0\0\0", headers].concat(),
        b"\0\0\0\0\0".to_vec(),
        b"\0\0\0\0\x03\x0a\x01a".to_vec(),
        b"\x0a\x03aud\x12\x17spiffe://acme.example/a".to_vec(),
        b"\x12\x0a\x0a\x08\x0a\x01n\x12\x03\x1a\x01x".to_vec(),
        b"\x1a\x07default\x22\x01t\x2a\x01n\x32\x04\x12\x02no".to_vec(),
        b"10S".to_vec(),
    ]
}
