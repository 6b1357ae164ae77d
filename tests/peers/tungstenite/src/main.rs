//! A planned conversation, both ends `tungstenite`. See ../README.md for the plan and the rows.

use std::collections::VecDeque;
use std::error::Error;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::server::{Request, Response};
use tungstenite::http::HeaderValue;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::{Message, WebSocket};

type Failure = Box<dyn Error + Send + Sync>;

/// One end of the connection; its rows go to `rows`.
struct End {
    side: &'static str,
    other: &'static str,
    port: u16,
    rows: Sender<Value>,
}

impl End {
    fn log(&self, sender: &str, op: &str, more: Value) {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        let mut row = json!({"side": self.side, "sender": sender, "op": op, "port": self.port, "at": at});
        if let (Some(row), Some(more)) = (row.as_object_mut(), more.as_object()) {
            row.extend(more.clone());
        }
        let _ = self.rows.send(row);
    }

    fn log_close(&self, sender: &str, frame: Option<&CloseFrame>) {
        let more =
            frame.map_or(json!({}), |f| json!({"code": u16::from(f.code), "reason": f.reason.as_str()}));
        self.log(sender, "close", more);
    }
}

/// The frames of one step, and the row's extra fields.
fn messages(step: &Value) -> Result<(Vec<Message>, Value), Failure> {
    let op = step["op"].as_str().unwrap_or_default();
    let text = step["text"].as_str().unwrap_or_default();
    let bytes = if op == "text" {
        text.as_bytes().to_vec()
    } else {
        hex::decode(step["hex"].as_str().unwrap_or_default())?
    };
    let shown = if op == "text" { json!({"text": text}) } else { json!({"hex": hex::encode(&bytes)}) };
    if op == "ping" {
        return Ok((vec![Message::Ping(bytes.into())], shown));
    }
    let Some(cut) = step["cut"].as_array() else {
        let whole = if op == "text" { Message::text(text) } else { Message::binary(bytes) };
        return Ok((vec![whole], shown));
    };
    // `cut` counts characters of a text and bytes of a binary message.
    let mut ends: Vec<usize> = Vec::new();
    let mut at = 0;
    for n in cut {
        at += n.as_u64().unwrap_or(0) as usize;
        let end = if op == "text" {
            text.char_indices().nth(at).map_or(bytes.len(), |(i, _)| i)
        } else {
            at.min(bytes.len())
        };
        ends.push(end);
    }
    ends.push(bytes.len());
    let mut out = Vec::new();
    let mut start = 0;
    for (i, &end) in ends.iter().enumerate() {
        let first = if op == "text" { Data::Text } else { Data::Binary };
        let opcode = OpCode::Data(if i == 0 { first } else { Data::Continue });
        let last = i + 1 == ends.len();
        out.push(Message::Frame(Frame::message(
            bytes.get(start..end).unwrap_or_default().to_vec(),
            opcode,
            last,
        )));
        start = end;
    }
    let mut more = shown;
    more["frames"] = json!(out.len());
    Ok((out, more))
}

fn would_block(e: &tungstenite::Error) -> bool {
    matches!(e, tungstenite::Error::Io(e) if e.kind() == std::io::ErrorKind::WouldBlock)
}

/// Sends this side's steps while it hears the other's; closes if it is this side's turn.
fn converse(mut ws: WebSocket<TcpStream>, plan: &Value, end: &End) -> Result<(), Failure> {
    ws.get_ref().set_nonblocking(true)?;
    ws.get_ref().set_nodelay(true)?;
    let empty = Vec::new();
    let mine = plan[end.side].as_array().unwrap_or(&empty);
    let theirs = plan[end.other].as_array().unwrap_or(&empty);
    let mut todo: VecDeque<&Value> = mine.iter().collect();
    let mut expected = theirs.len() + mine.iter().filter(|s| s["op"] == "ping").count();
    let mut closing = false;
    loop {
        if let Some(step) = todo.pop_front() {
            thread::sleep(Duration::from_secs_f64(step["pause"].as_f64().unwrap_or(0.0)));
            let (frames, more) = messages(step)?;
            end.log(end.side, step["op"].as_str().unwrap_or_default(), more);
            for message in frames {
                ws.write(message)?;
            }
        } else if expected == 0 && !closing && plan["close"]["by"] == end.side {
            closing = true;
            let code = plan["close"]["code"].as_u64().map(|c| c as u16);
            let reason = plan["close"]["reason"].as_str().unwrap_or_default();
            let frame = code.map(|code| CloseFrame { code: code.into(), reason: reason.into() });
            end.log_close(end.side, frame.as_ref());
            ws.close(frame)?;
        }
        match ws.flush() {
            Err(tungstenite::Error::ConnectionClosed) => return Ok(()),
            Err(e) if !would_block(&e) => return Err(e.into()),
            _ => {}
        }
        match ws.read() {
            Ok(Message::Text(text)) => end.log(end.other, "text", json!({"text": text.as_str()})),
            Ok(Message::Binary(data)) => end.log(end.other, "binary", json!({"hex": hex::encode(&data)})),
            Ok(Message::Pong(data)) => end.log(end.other, "pong", json!({"hex": hex::encode(&data)})),
            Ok(Message::Ping(data)) => {
                // read() has put the Pong into the queue.
                end.log(end.other, "ping", json!({"hex": hex::encode(&data)}));
                end.log(end.side, "pong", json!({"hex": hex::encode(&data)}));
                while ws.flush().is_err_and(|e| would_block(&e)) {}
            }
            Ok(Message::Close(frame)) => {
                end.log_close(end.other, frame.as_ref());
                if !closing {
                    end.log_close(end.side, frame.as_ref());
                }
                closing = true;
                continue;
            }
            Ok(Message::Frame(_)) => {}
            Err(tungstenite::Error::ConnectionClosed) => return Ok(()),
            Err(e) if would_block(&e) => {
                thread::sleep(Duration::from_micros(300));
                continue;
            }
            Err(e) => return Err(e.into()),
        }
        expected = expected.saturating_sub(1);
    }
}

fn main() -> Result<(), Failure> {
    let path = std::env::args().nth(1).ok_or("usage: peer-tungstenite PLAN.json")?;
    let plan: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let host = plan["host"].as_str().unwrap_or("127.0.0.1").to_owned();
    let port = plan["port"].as_u64().unwrap_or(0) as u16;
    let listener = TcpListener::bind((host.as_str(), port))?;
    let (rows, collected) = channel();

    let server = {
        let (plan, rows) = (plan.clone(), rows.clone());
        thread::spawn(move || -> Result<(), Failure> {
            let (stream, peer) = listener.accept()?;
            let offered = plan["subprotocols"][0].as_str().map(str::to_owned);
            #[allow(clippy::result_large_err, reason = "the library's signature")]
            let choose = move |_: &Request, mut response: Response| {
                if let Some(value) = offered.as_deref().and_then(|name| HeaderValue::from_str(name).ok()) {
                    response.headers_mut().insert("Sec-WebSocket-Protocol", value);
                }
                Ok(response)
            };
            let ws = tungstenite::accept_hdr(stream, choose)?;
            converse(ws, &plan, &End { side: "server", other: "client", port: peer.port(), rows })
        })
    };

    let stream = TcpStream::connect((host.as_str(), port))?;
    let local = stream.local_addr()?.port();
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let mut request =
        format!("ws://{host}:{port}{}", plan["path"].as_str().unwrap_or("/")).into_client_request()?;
    let names: Vec<&str> =
        plan["subprotocols"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !names.is_empty() {
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_str(&names.join(", "))?);
    }
    let (ws, _) = tungstenite::client(request, stream)?;
    converse(ws, &plan, &End { side: "client", other: "server", port: local, rows })?;
    server.join().map_err(|_| "server thread")??;
    for row in collected {
        println!("{row}");
    }
    Ok(())
}
