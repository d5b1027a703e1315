//! Requests with one reading, and requests with two.

use crate::*;
use proptest::prelude::*;

fn canonical(raw: &str) -> Result<Canonical, HeadError> {
    let (head, _) = parse_request(raw.as_bytes(), &HeadLimits::default())?.expect("a whole head");
    canonicalise(head, &arrival(Forwarding::Replace))
}

fn arrival(forwarding: Forwarding) -> Arrival<'static> {
    Arrival { scheme: Scheme::Https, sni: Some("a.example"), peer: [192, 0, 2, 7].into(), forwarding }
}

fn upstream(raw: &str) -> String {
    let mut out = Vec::new();
    write_request(&canonical(raw).unwrap(), &[], &mut out);
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
        ("GET / HTTP/1.1|Host: a.example|X~Real~IP: x", E::Twin),
        ("GET / HTTP/1.1|Host: a.example|X-Original-URL: /admin", E::Override),
        ("POST / HTTP/1.1|Host: a.example|X-HTTP-Method-Override: DELETE", E::Override),
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

fn fields(lines: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::default();
    lines.iter().for_each(|(name, value)| fields.push(name.as_bytes(), value.as_bytes()).unwrap());
    fields
}

#[test]
fn a_client_is_as_far_back_as_proxies_are_trusted() {
    let trusted = |address: std::net::IpAddr| address.to_string().starts_with("10.");
    let client = |peer: &str, line: &str| {
        client_address(&fields(&[("x-forwarded-for", line)]), peer.parse().unwrap(), trusted).to_string()
    };
    assert_eq!(client("192.0.2.1", "198.51.100.1"), "192.0.2.1", "an untrusted peer is the client");
    assert_eq!(client("10.0.0.1", "198.51.100.1"), "198.51.100.1");
    assert_eq!(
        client("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2"),
        "198.51.100.1",
        "what is before it could be forged"
    );
    assert_eq!(client("10.0.0.1", "198.51.100.1, nonsense"), "10.0.0.1");
    assert_eq!(client("10.0.0.1", ""), "10.0.0.1");
}

#[test]
fn forwarding_fields_are_replaced_extended_or_kept() {
    let raw = "GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n\r\n";
    let sent = |forwarding| {
        let (head, _) = parse_request(raw.as_bytes(), &HeadLimits::default()).unwrap().unwrap();
        let request = canonicalise(head, &arrival(forwarding)).unwrap();
        let lines = request.fields.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)));
        lines.collect::<Vec<_>>().join(" | ")
    };
    let ours = "x-forwarded-proto: https | x-forwarded-host: a.example";
    assert_eq!(sent(Forwarding::Replace), format!("x-forwarded-for: 192.0.2.7 | {ours}"));
    assert_eq!(sent(Forwarding::Extend), format!("x-forwarded-for: 6.6.6.6, 192.0.2.7 | {ours}"));
    assert_eq!(sent(Forwarding::Keep), "x-forwarded-for: 6.6.6.6 | forwarded: for=6.6.6.6 | x-real-ip: 6.6.6.6");
}

fn response(method: &str, lines: &str) -> Result<ResponseHead, HeadError> {
    let raw = format!("{}\r\n\r\n", lines.replace('|', "\r\n"));
    let parsed = parse_response(raw.as_bytes(), method, &HeadLimits::default())?.expect("a whole head");
    assert_eq!(parsed.1, raw.len());
    Ok(parsed.0)
}

#[test]
fn the_length_of_an_answer_follows_the_request_and_the_status() {
    for (method, lines, framing, keep_alive) in [
        ("GET", "HTTP/1.1 200 OK|Content-Length: 3", Framing::Length(3), true),
        ("GET", "HTTP/1.1 200|Transfer-Encoding: Chunked", Framing::Chunked, true),
        ("GET", "HTTP/1.1 200 OK", Framing::UntilClose, false),
        ("GET", "HTTP/1.1 200 OK|Content-Length: 3|Connection: x, Close", Framing::Length(3), false),
        ("GET", "HTTP/1.0 200 OK|Content-Length: 3", Framing::Length(3), false),
        ("HEAD", "HTTP/1.1 200 OK|Content-Length: 3", Framing::None, true),
        ("GET", "HTTP/1.1 204 No Content", Framing::None, true),
        ("GET", "HTTP/1.1 304 Not Modified|Content-Length: 3", Framing::None, true),
    ] {
        let head = response(method, lines).unwrap();
        assert_eq!((head.framing, head.keep_alive), (framing, keep_alive), "{lines}");
    }
}

#[test]
fn an_answer_with_two_readings_is_refused() {
    use HeadError as E;
    for (lines, error) in [
        ("HTTP/1.1 200 OK|Content-Length: 1|Transfer-Encoding: chunked", E::Framing),
        ("HTTP/1.1 200 OK|Content-Length: 1|Content-Length: 2", E::Framing),
        ("HTTP/1.1 200 OK|Transfer-Encoding: gzip", E::TransferCoding),
        ("HTTP/1.0 200 OK|Transfer-Encoding: chunked", E::Framing),
        ("HTTP/1.1 99 x", E::StatusLine),
        ("HTTP/1.1 600 x", E::StatusLine),
        ("HTTP/1.1 2000", E::StatusLine),
        ("HTTP/1.1 +20 x", E::StatusLine),
        ("HTTP/2 200 OK", E::Version),
        ("HTTP/1.1 200 OK| folded: x", E::Folded),
        ("HTTP/1.1 200 OK|a : b", E::FieldName),
        ("HTTP/1.1 200 OK|a: b\0", E::FieldValue),
        ("HTTP/1.1 200 OK\nInjected: x|a: b", E::BareLineEnd),
    ] {
        assert_eq!(response("GET", lines), Err(error), "{lines}");
    }
}

#[test]
fn an_answer_loses_the_fields_of_its_hop_and_those_that_only_we_set() {
    let lines = "HTTP/1.1 200 OK|Content-Length: 0|Connection: X-Hop|X-Hop: 1|Keep-Alive: 5|Selvedge-Decision: x|A: b";
    let mut head = response("GET", lines).unwrap();
    head.strip();
    let mut out = Vec::new();
    write_response(head.status, &head.fields, head.framing, false, &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
}

#[test]
fn a_body_is_written_as_long_as_its_head_says() {
    let encoded = |framing, parts: &[&str]| {
        let (mut encoder, mut out) = (BodyEncoder::new(framing), Vec::new());
        parts.iter().try_for_each(|part| encoder.data(part.as_bytes(), &mut out))?;
        encoder.end(&mut out)?;
        Ok::<_, LengthError>(String::from_utf8(out).unwrap())
    };
    assert_eq!(encoded(Framing::Chunked, &["hello", "", "!"]), Ok("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n".to_owned()));
    assert_eq!(encoded(Framing::Length(5), &["hel", "lo"]), Ok("hello".to_owned()));
    assert_eq!(encoded(Framing::Length(5), &["hello", "!"]), Err(LengthError));
    assert_eq!(encoded(Framing::Length(5), &["hell"]), Err(LengthError));
    assert_eq!(encoded(Framing::None, &["x"]), Err(LengthError));
}

proptest! {
    #[test]
    fn no_bytes_make_the_response_parser_panic(input in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_response(&input, "GET", &HeadLimits::default());
    }

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
            write_request(&first, &[], &mut out);
            let second = canonical(std::str::from_utf8(&out).unwrap()).unwrap();
            prop_assert_eq!(first, second);
        }
    }
}

#[test]
fn an_address_is_written_as_it_is_read() {
    for address in ["0.0.0.0", "1.20.255.100", "109.9.90.200", "2001:db8::1", "::1"] {
        let peer: std::net::IpAddr = address.parse().unwrap();
        let (head, _) =
            parse_request(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", &HeadLimits::default()).unwrap().unwrap();
        let request = canonicalise(head, &Arrival { peer, ..arrival(Forwarding::Replace) }).unwrap();
        assert_eq!(request.fields.all("x-forwarded-for").next(), Some(address.as_bytes()));
    }
}
