//! Between HTTP messages and the desk: reading requests, sending replies whole, late, cut or not at all.
//!
//! Right on hyper: a web framework finishes every answer that it begins, and half of what is sent here must not be.

use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::stream::{self, StreamExt};
use http_body_util::{BodyExt, BodyStream, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};

use crate::answer::{Blocks, Body, Reply};
use crate::control;
use crate::desk::{self, Delivery, Desk};
use crate::json;

type SentBody = UnsyncBoxBody<Bytes, io::Error>;

/// Answers a request. An error closes the connection.
pub(crate) async fn handle(desk: &Desk, request: Request<Incoming>) -> io::Result<Response<SentBody>> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let query = head.uri.query().unwrap_or_default();
    if let Some(command) = path.strip_prefix("/sandbox/") {
        return Ok(send(control::answer(desk, head.method.as_str(), command, query), false));
    }
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let (gzip, pretty) = {
        let rules = &desk.world().rules;
        (rules.gzip && takes_gzip(&head.headers), rules.pretty)
    };
    let delivery = desk.receive(desk::Request {
        method: head.method.to_string(),
        path: path.to_owned(),
        query: query.to_owned(),
        authorization: text(&head.headers, &header::AUTHORIZATION),
        user_agent: text(&head.headers, &header::USER_AGENT).unwrap_or_default(),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let ready = |reply: Reply| if pretty { indented(reply) } else { reply };
    match delivery {
        Delivery::After(wait, reply) => {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            Ok(send(ready(reply), gzip))
        }
        Delivery::Cut { reply, after_bytes, chunked } => Ok(send_cut(ready(reply), gzip, after_bytes, chunked)),
        Delivery::Drip { reply, bytes, pause } => Ok(send_drips(ready(reply), gzip, bytes, pause)),
        Delivery::Half(reply) => Ok(send(halved(ready(reply)), gzip)),
        Delivery::Never => std::future::pending().await,
        Delivery::HangUp => Err(io::ErrorKind::ConnectionReset.into()),
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    text(headers, &header::ACCEPT_ENCODING).is_some_and(|accepted| accepted.contains("gzip"))
}

/// A reply in full.
fn send(reply: Reply, gzip: bool) -> Response<SentBody> {
    match head(reply, gzip) {
        (response, Content::Whole(bytes)) => response.map(|()| whole(bytes)),
        (response, Content::Stream(blocks)) => response.map(|()| streamed_body(blocks)),
    }
}

/// A reply whose connection drops in the middle of its body.
fn send_cut(reply: Reply, gzip: bool, after_bytes: usize, chunked: bool) -> Response<SentBody> {
    let (mut response, mut bytes) = match head(reply, gzip) {
        (response, Content::Whole(bytes)) => (response, bytes),
        (response, Content::Stream(blocks)) => {
            return response.map(|()| cut(streamed_body(first_bytes(blocks, after_bytes))));
        }
    };
    if !chunked {
        // At least one announced byte has to be missing.
        let announced = bytes.len().max(1);
        set(&mut response, header::CONTENT_LENGTH, &announced.to_string());
        bytes.truncate(announced - 1);
    }
    bytes.truncate(after_bytes);
    response.map(|()| cut(streamed_body([bytes])))
}

/// A reply in chunks of so many bytes, with a pause after each.
fn send_drips(reply: Reply, gzip: bool, size: usize, pause: Duration) -> Response<SentBody> {
    let (response, mut bytes) = match head(reply, gzip) {
        (response, Content::Whole(bytes)) => (response, bytes),
        (response, Content::Stream(blocks)) => return response.map(|()| streamed_body(blocks)),
    };
    let drips = std::iter::from_fn(move || {
        let drip = bytes.split_to(size.clamp(1, bytes.len().max(1)).min(bytes.len()));
        (!drip.is_empty()).then_some(drip)
    });
    let frames = stream::iter(drips.enumerate()).then(move |(number, drip)| async move {
        if number > 0 && !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Ok(Frame::data(drip))
    });
    response.map(|()| BodyExt::boxed_unsync(StreamBody::new(frames)))
}

fn streamed_body(blocks: impl IntoIterator<Item = Bytes, IntoIter: Send + 'static>) -> SentBody {
    let frames = stream::iter(blocks).map(|block| Ok(Frame::data(block)));
    BodyExt::boxed_unsync(StreamBody::new(frames))
}

/// The blocks up to `left` bytes.
fn first_bytes(blocks: impl IntoIterator<Item = Bytes>, mut left: usize) -> impl Iterator<Item = Bytes> {
    blocks.into_iter().map_while(move |mut block| {
        block.truncate(left);
        left -= block.len();
        (!block.is_empty()).then_some(block)
    })
}

/// The body, and then the end of the connection.
fn cut(body: SentBody) -> SentBody {
    let end = stream::once(async {
        // Lets what comes before be written out.
        tokio::task::yield_now().await;
        Err(io::ErrorKind::ConnectionReset.into())
    });
    BodyExt::boxed_unsync(StreamBody::new(BodyStream::new(body).chain(end)))
}

/// The body of a response, ready to be sent.
enum Content {
    Whole(Bytes),
    Stream(Blocks),
}

/// Status and headers, and the body.
fn head(reply: Reply, gzip: bool) -> (Response<()>, Content) {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &reply.headers {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            set(&mut response, name, value);
        }
    }
    let (content_type, body) = match reply.body {
        Body::Json(text) => ("application/json", text),
        Body::Html(text) => ("text/html; charset=utf-8", text),
        Body::Empty => return (response, Content::Whole(Bytes::new())),
        Body::Stream(blocks) => {
            set(&mut response, header::CONTENT_TYPE, "application/json");
            return (response, Content::Stream(blocks));
        }
    };
    set(&mut response, header::CONTENT_TYPE, content_type);
    if gzip {
        set(&mut response, header::CONTENT_ENCODING, "gzip");
        (response, Content::Whole(compressed(&body).into()))
    } else {
        (response, Content::Whole(body.into()))
    }
}

fn set(response: &mut Response<()>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn whole(bytes: Bytes) -> SentBody {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

fn compressed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(text.as_bytes());
    encoder.finish().unwrap_or_default()
}

/// The first half of a JSON body.
fn halved(reply: Reply) -> Reply {
    match reply.body {
        Body::Json(mut text) => {
            let middle = (text.len() / 2..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(middle);
            Reply { body: Body::Json(text), ..reply }
        }
        _ => reply,
    }
}

fn indented(reply: Reply) -> Reply {
    match reply.body {
        Body::Json(text) => Reply { body: Body::Json(json::indented(&text)), ..reply },
        _ => reply,
    }
}
