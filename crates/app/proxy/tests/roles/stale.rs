//! Kept upstream connections that the other end has closed: a request that can be repeated is, once; another never.

use crate::origin::{Origin, Reply, Request};
use crate::way::{Way, around};
use crate::world::World;

/// A workload that answers its first request on a kept connection, does something else to those after it, and answers
/// all from `again`, counted from 0; and a mesh around it.
async fn turning(broken: Reply, again: usize) -> (Origin, World) {
    let script = move |request: &Request| match request.nth {
        0 => Reply::ok("first"),
        nth if nth < again => broken.clone(),
        _ => Reply::ok("again"),
    };
    let origin = Origin::start(script).await;
    let world = around(&origin, |_| {}).await;
    (origin, world)
}

#[tokio::test]
async fn a_get_on_a_stale_connection_is_repeated_once_on_a_new_one() {
    for broken in [Reply::raw("").close(), Reply::raw("").reset()] {
        for way in Way::ROLES {
            let (origin, world) = turning(broken.clone(), 2).await;
            let mut client = way.connect(&world).await;
            assert_eq!(client.get(way.host(), "/one").await.essence(), (200, "first", true), "{way:?}");
            assert_eq!(client.get(way.host(), "/two").await.essence(), (200, "again", true), "{way:?}");
            let lines: Vec<String> = origin.requests().into_iter().map(|request| request.line).collect();
            assert_eq!(lines, ["GET /one HTTP/1.1", "GET /two HTTP/1.1", "GET /two HTTP/1.1"], "{way:?}");
            assert_eq!(origin.connections(), 2, "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_get_that_fails_twice_is_not_sent_a_third_time() {
    for way in Way::ROLES {
        let (origin, world) = turning(Reply::raw("").close(), 100).await;
        let mut client = way.connect(&world).await;
        assert_eq!(client.get(way.host(), "/").await.status, 200, "{way:?}");
        assert_eq!(client.get(way.host(), "/").await.status, 502, "{way:?}");
        assert_eq!(origin.requests().len(), 3, "{way:?}");
    }
}

#[tokio::test]
async fn a_post_is_never_sent_twice() {
    for body in ["", "pay 100"] {
        for broken in [Reply::raw("").close(), Reply::raw("").reset()] {
            for way in Way::ROLES {
                let (origin, world) = turning(broken.clone(), 2).await;
                let mut client = way.connect(&world).await;
                assert_eq!(client.get(way.host(), "/one").await.status, 200, "{way:?}");
                assert_eq!(client.post(way.host(), "/two", body).await.status, 502, "{way:?}");
                assert_eq!(origin.requests().len(), 2, "{way:?} {body:?}: it was sent again");
            }
        }
    }
}

#[tokio::test]
async fn a_get_that_was_answered_in_part_is_not_repeated() {
    for part in ["H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n"] {
        for way in Way::ROLES {
            let (origin, world) = turning(Reply::raw(part).close(), 2).await;
            let mut client = way.connect(&world).await;
            assert_eq!(client.get(way.host(), "/").await.status, 200, "{way:?}");
            assert_eq!(client.get(way.host(), "/").await.status, 502, "{way:?} {part:?}");
            assert_eq!(origin.requests().len(), 2, "{way:?} {part:?}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_its_server_closed_in_silence_is_not_used() {
    for way in Way::ROLES {
        let origin = Origin::always(Reply::ok("good").close()).await;
        let world = around(&origin, |_| {}).await;
        let mut client = way.connect(&world).await;
        for count in 1..4 {
            assert_eq!(client.post(way.host(), "/", "pay 100").await.essence(), (200, "good", true), "{way:?}");
            origin.ended(count - 1).await;
            assert_eq!(origin.requests().len(), count, "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_good_connection_is_kept() {
    for way in Way::ROLES {
        let origin = Origin::always(Reply::ok("good")).await;
        let world = around(&origin, |_| {}).await;
        let mut client = way.connect(&world).await;
        for _ in 0..10 {
            assert_eq!(client.get(way.host(), "/").await.status, 200);
            assert_eq!(client.post(way.host(), "/", "body").await.status, 200);
        }
        assert_eq!((origin.connections(), origin.requests().len()), (1, 20), "{way:?}");
    }
}
