use super::*;
use crate::message::spiffe::JwtSvidRequest;

#[test]
fn a_message_survives_its_frame_in_any_pieces() {
    let message = JwtSvidRequest { audience: vec!["a".to_owned()], spiffe_id: String::new() };
    let framed = frame(&message);
    let mut buffer = BytesMut::new();
    for (at, byte) in framed.iter().enumerate() {
        assert_eq!(take(&mut buffer, 64), Ok(None), "{at}");
        buffer.extend_from_slice(&[*byte]);
    }
    let taken = take(&mut buffer, 64).unwrap().unwrap();
    assert_eq!(JwtSvidRequest::decode(taken), Ok(message));
    assert!(buffer.is_empty());
}

#[test]
fn what_is_compressed_or_too_large_is_refused_before_it_is_read() {
    let code = |bytes: &[u8]| take(&mut BytesMut::from(bytes), 64).unwrap_err().code;
    assert_eq!(code(&[1, 0, 0, 0, 0]), Code::Unimplemented);
    assert_eq!(code(&[0, 0, 0, 0, 65]), Code::ResourceExhausted);
    assert_eq!(code(&[0, 0xff, 0xff, 0xff, 0xff]), Code::ResourceExhausted);
}

#[test]
fn a_deadline_is_read_exactly() {
    assert_eq!(timeout("10S"), Some(Duration::from_secs(10)));
    assert_eq!(timeout("99999999n"), Some(Duration::from_nanos(99_999_999)));
    for text in ["", "S", "10", "100000000S", "-1S", "1x", "1 S", "é"] {
        assert_eq!(timeout(text), None, "{text}");
    }
}

#[test]
fn a_status_survives_its_trailers_and_ends_no_line() {
    let status = Status::new(Code::PermissionDenied, "no\r\ngrpc-status: 0 100%");
    let trailers = status.trailers();
    assert_eq!(trailers.get("grpc-message").unwrap(), "no%0D%0Agrpc-status: 0 100%25");
    assert_eq!(Status::read(&trailers).code, Code::PermissionDenied);
    assert_eq!(Status::read(&HeaderMap::new()).code, Code::Unknown, "an end without a status is not a good end");
}
