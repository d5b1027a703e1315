//! Requests with one reading, and requests with two.

use crate::*;
use proptest::prelude::*;

fn canonical(raw: &str) -> Result<Canonical, HeadError> {
    let (head, _) = parse_request(raw.as_bytes(), &HeadLimits::default())?.expect("a whole head");
    let arrival = Arrival { scheme: Scheme::Https, sni: Some("a.example"), peer: [192, 0, 2, 7].into() };
    canonicalise(head, &arrival)
}

fn upstream(raw: &str) -> String {
    let mut out = Vec::new();
    write_request(&canonical(raw).unwrap(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn what_goes_upstream_is_written_from_the_canonical_form() {
    let raw = "GET /x/..//orders/%31?q=%41 HTTP/1.1\r\nHost: A.example\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\
               TXN-Token: forged\r\nSelvedge-Decision: forged\r\nX-Forwarded-For: 10.0.0.1\r\nAccept:  */* \r\n\r\n";
    assert_eq!(
        upstream(raw),
        "GET /orders/1?q=%41 HTTP/1.1\r\nhost: a.example\r\naccept: */*\r\nx-forwarded-for: 192.0.2.7\r\n\
         x-forwarded-proto: https\r\nx-forwarded-host: a.example\r\n\r\n"
    );
}

#[test]
fn a_target_in_absolute_form_agrees_with_host() {
    let head = |target: &str, host: &str| canonical(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert_eq!(head("http://a.example/b?c", "a.example").unwrap().path.as_str(), "/b");
    assert_eq!(head("http://b.example/b", "a.example"), Err(HeadError::HostMismatch));
    assert_eq!(head("ftp://a.example/b", "a.example"), Err(HeadError::RequestLine));
}

#[test]
fn a_head_with_two_readings_is_refused() {
    use HeadError as E;
    for (lines, error) in [
        ("POST / HTTP/1.1|Host: a.example|Content-Length: 1|Transfer-Encoding: chunked", E::Framing),
        ("POST / HTTP/1.1|Host: a.example|Content-Length: 1|Content-Length: 1", E::Framing),
        ("POST / HTTP/1.1|Host: a.example|Content-Length: +1", E::Framing),
        ("POST / HTTP/1.1|Host: a.example|Content-Length: 1,1", E::Framing),
        ("POST / HTTP/1.1|Host: a.example|Content-Length:", E::Framing),
        ("POST / HTTP/1.1|Host: a.example|Content-Length: 99999999999999999999", E::Framing),
        ("POST / HTTP/1.1|Host: a.example|Transfer-Encoding: gzip, chunked", E::TransferCoding),
        ("POST / HTTP/1.1|Host: a.example|Transfer-Encoding: chunked|Transfer-Encoding: x", E::TransferCoding),
        ("POST / HTTP/1.0|Host: a.example|Transfer-Encoding: chunked", E::Framing),
        ("GET / HTTP/1.1|Host: a.example|Transfer-Encoding : chunked", E::FieldName),
        ("GET / HTTP/1.1|Host: a.example| folded", E::Folded),
        ("GET / HTTP/1.1|Host: a.example|a\tb: c", E::FieldName),
        ("GET / HTTP/1.1|Host: a.example|: c", E::FieldName),
        ("GET / HTTP/1.1|Host: a.example|a: b\0c", E::FieldValue),
        ("GET / HTTP/1.1|Host: a.example|a: b\rc", E::BareLineEnd),
        ("GET / HTTP/1.1|Host: a.example\na: b", E::BareLineEnd),
        ("GET / HTTP/1.1", E::Host),
        ("GET / HTTP/1.1|Host: a.example|Host: a.example", E::Host),
        ("GET / HTTP/1.1|Host: a_b", E::Host),
        ("GET / HTTP/1.1|Host: a.example:x", E::Host),
        ("GET / HTTP/1.1|Host: b.example", E::Misdirected),
        ("GET / HTTP/1.1|Host: a.example|Txn_Token: x", E::Twin),
        ("GET / HTTP/1.1|Host: a.example|X.Forwarded.For: x", E::Twin),
        ("GET / HTTP/1.1|Host: a.example|Content_Length: 3", E::Twin),
        ("GET / HTTP/1.1|Host: a.example|Connection: authorization", E::Connection),
        ("GET / HTTP/1.1|Host: a.example|Connection: close, Txn-Token", E::Connection),
        ("GET / HTTP/1.1|Host: a.example|Authorization: a|Authorization: b", E::Repeated),
        ("GET / HTTP/1.1|Host: a.example|Expect: tea", E::Unsupported),
        ("GET  / HTTP/1.1|Host: a.example", E::RequestLine),
        ("GET / HTTP/1.1 |Host: a.example", E::RequestLine),
        ("GET /", E::RequestLine),
        ("G(T / HTTP/1.1|Host: a.example", E::RequestLine),
        ("GET / HTTP/2.0|Host: a.example", E::Version),
        ("GET / http/1.1|Host: a.example", E::Version),
        ("GET /a%2fb HTTP/1.1|Host: a.example", E::Path(selvedge_model::PathError::Escaped(b'/'))),
        ("GET /a?%zz HTTP/1.1|Host: a.example", E::Query),
        ("GET /a?b#c HTTP/1.1|Host: a.example", E::Query),
        ("CONNECT a.example:443 HTTP/1.1|Host: a.example", E::Unsupported),
    ] {
        assert_eq!(canonical(&format!("{}\r\n\r\n", lines.replace('|', "\r\n"))), Err(error), "{lines}");
    }
}

#[test]
fn limits_hold_before_the_head_is_whole() {
    let limits = HeadLimits { head_bytes_max: 64, fields_max: 1, target_bytes_max: 8 };
    let parse = |raw: &str| parse_request(raw.as_bytes(), &limits);
    assert_eq!(parse(&format!("GET / HTTP/1.1\r\na: {}", "b".repeat(64))), Err(HeadError::TooLarge));
    assert_eq!(parse("GET / HTTP/1.1\r\na: b\r\nc: d\r\n\r\n"), Err(HeadError::TooLarge));
    assert_eq!(parse("GET /123456789 HTTP/1.1\r\n"), Err(HeadError::TargetTooLong));
}

/// Decodes a body that arrives `step` bytes at a time.
fn decoded(framing: Framing, input: &[u8], step: usize) -> Result<(Vec<u8>, bool), BodyError> {
    let (mut decoder, mut data, mut at) = (BodyDecoder::new(framing), Vec::new(), 0);
    for end in (0..=input.len()).step_by(step).chain([input.len()]) {
        loop {
            let part = decoder.decode(&input[at..end])?;
            data.extend_from_slice(&input[at..end][part.data.clone()]);
            at += part.consumed;
            if part.consumed == 0 || decoder.is_done() {
                break;
            }
        }
    }
    Ok((data, decoder.is_done()))
}

#[test]
fn a_chunked_body_is_the_same_in_every_division() {
    let body = b"5\r\nhello\r\n00A\r\n0123456789\r\n0\r\nx: y\r\n\r\n";
    for step in 1..body.len() {
        assert_eq!(decoded(Framing::Chunked, body, step), Ok((b"hello0123456789".to_vec(), true)), "{step}");
    }
    assert_eq!(decoded(Framing::Length(3), b"abcdef", 2), Ok((b"abc".to_vec(), true)));
}

#[test]
fn a_chunk_with_two_readings_is_refused() {
    for body in ["5;a=b\r\n", "+5\r\n", "0x5\r\n", "5 \r\n", "5\n", "\r\n", "11111111111111111\r\n", "g\r\n"] {
        assert_eq!(decoded(Framing::Chunked, body.as_bytes(), 1), Err(BodyError::ChunkSize), "{body:?}");
    }
    assert_eq!(decoded(Framing::Chunked, b"1\r\nab", 1), Err(BodyError::ChunkEnd));
    assert_eq!(decoded(Framing::Chunked, b"0\r\na b: c\r\n\r\n", 1), Err(BodyError::Trailer));
}

proptest! {
    #[test]
    fn no_bytes_make_the_parsers_panic(input in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_request(&input, &HeadLimits::default());
        let _ = decoded(Framing::Chunked, &input, 7);
    }

    #[test]
    fn a_head_has_one_reading_however_it_arrives(path in "/[a-c/.]{0,12}", cut in 0usize..60) {
        let raw = format!("GET {path} HTTP/1.1\r\nHost: a.example\r\nAccept: x\r\n\r\n");
        let part = &raw.as_bytes()[..cut.min(raw.len())];
        if let Ok(Some((_, taken))) = parse_request(part, &HeadLimits::default()) {
            prop_assert_eq!(taken, raw.len());
        }
        if let Ok(first) = canonical(&raw) {
            let mut out = Vec::new();
            write_request(&first, &mut out);
            let second = canonical(std::str::from_utf8(&out).unwrap()).unwrap();
            prop_assert_eq!(first, second);
        }
    }
}
