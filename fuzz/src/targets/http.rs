//! HTTP/1.1: one reading, whatever the division of the bytes, and what is written is what was read.

use selvedge_http::{
    Arrival, BodyDecoder, BodyEncoder, BodyError, Canonical, Forwarding, Framing, HeadError, HeadLimits, RequestHead,
    Scheme, canonicalise, parse_request, parse_response, write_request,
};
use selvedge_testkit::{Scene, read};

const HOST: &str = "api.example";

pub(super) fn request_head(data: &[u8]) {
    let limits = HeadLimits::default();
    let _ = parse_response(data, "GET", &limits);
    let Ok(Some((head, taken))) = parse_request(data, &limits) else { return };
    assert!(taken <= data.len() && taken <= limits.head_bytes_max);
    let exactly = parse_request(&data[..taken], &limits);
    assert_eq!(exactly, Ok(Some((head, taken))), "what follows a head does not change it");
    for cut in [taken - 1, taken / 2, taken / 3] {
        assert_eq!(parse_request(&data[..cut], &limits), Ok(None), "the beginning of a head is no head, and no error");
    }
}

pub(super) fn canonical(data: &[u8]) {
    let Ok(Some((head, _))) = parse_request(data, &HeadLimits::default()) else { return };
    let version = head.version;
    let Ok(first) = canonical_form(head) else { return };
    let mut written = Vec::new();
    write_request(&first, &[], &mut written);
    // The head that is written has our own fields too, and may so be over a limit that the one received kept.
    let wide = HeadLimits { head_bytes_max: 256 * 1024, fields_max: 200, target_bytes_max: 64 * 1024 };
    let parsed = parse_request(&written, &wide).expect("what we write has one reading").expect("and is whole");
    assert_eq!(parsed.1, written.len(), "nothing follows the head that we write");
    let second = canonical_form(parsed.0).expect("the canonical form is canonical");
    assert_eq!(first, second, "canonicalise is a fixpoint ({version:?})");
    if matches!(first.framing, Framing::None | Framing::Length(0)) {
        let seen = read(&written);
        assert_eq!((seen.messages.len(), seen.left), (1, 0), "another reader sees one request");
        assert_eq!(seen.messages[0].field("host").and_then(|host| host.split(':').next()), Some(HOST));
    }
}

fn canonical_form(head: RequestHead) -> Result<Canonical, HeadError> {
    let arrival = Arrival {
        scheme: Scheme::Https,
        sni: Some(HOST),
        peer: [192, 0, 2, 7].into(),
        forwarding: Forwarding::Replace,
    };
    canonicalise(head, &arrival)
}

/// The first byte says how many bytes come at once, and the second how the body is framed.
pub(super) fn body_decoder(data: &[u8]) {
    let [step, kind, body @ ..] = data else { return };
    let framing = if kind % 4 == 0 { Framing::Length(u64::from(*kind)) } else { Framing::Chunked };
    let whole = decoded(framing, body, body.len().max(1));
    let parts = decoded(framing, body, usize::from(*step) + 1);
    assert_eq!(whole.is_ok(), parts.is_ok(), "refused in one division alone");
    let (Ok(whole), Ok(parts)) = (whole, parts) else { return };
    assert_eq!(whole, parts, "one body, however it arrives");
    if whole.done && framing == Framing::Chunked {
        let (mut encoder, mut out) = (BodyEncoder::new(framing), Vec::new());
        encoder
            .data(&whole.data, &mut out)
            .and_then(|()| encoder.end(&mut out))
            .expect("chunks have no length to keep");
        let again = decoded(framing, &out, out.len()).expect("what we write has one reading");
        assert_eq!((again.data, again.done, again.taken), (whole.data, true, out.len()));
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Body {
    data: Vec<u8>,
    done: bool,
    taken: usize,
}

fn decoded(framing: Framing, input: &[u8], step: usize) -> Result<Body, BodyError> {
    let (mut decoder, mut data, mut at) = (BodyDecoder::new(framing), Vec::new(), 0);
    for end in (0..input.len()).step_by(step).skip(1).chain([input.len()]) {
        while !decoder.is_done() {
            let part = decoder.decode(&input[at..end])?;
            data.extend_from_slice(&input[at..end][part.data]);
            at += part.consumed;
            if part.consumed == 0 {
                break;
            }
        }
    }
    Ok(Body { data, done: decoder.is_done(), taken: at })
}

/// The requests of all cases.
pub(super) fn requests() -> Vec<Vec<u8>> {
    let scene = Scene { host: HOST.to_owned(), peer: "192.0.2.7".to_owned(), scheme: "https".to_owned() };
    let cases = selvedge_testkit::requests().unwrap_or_default();
    let small = cases.iter().map(|case| case.request.render(&scene)).filter(|request| request.len() < 4096);
    let mut inputs: Vec<Vec<u8>> = small.collect();
    inputs.push(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n".to_vec());
    inputs
}

/// The bodies of all cases, in chunks and not.
pub(super) fn bodies() -> Vec<Vec<u8>> {
    let body = |request: Vec<u8>| {
        let at = request.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
        Some([b"\x02\x05", &request[at..]].concat()).filter(|body| body.len() > 2)
    };
    let mut inputs: Vec<Vec<u8>> = requests().into_iter().filter_map(body).collect();
    inputs.push(b"\x03\x055\r\nhello\r\n00A\r\n0123456789\r\n0\r\nx: y\r\n\r\n".to_vec());
    inputs.push(b"\x03\x08abcdefghij".to_vec());
    inputs
}
