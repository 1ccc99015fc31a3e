//! An OpenID Connect provider: a real HTTP server with discovery, authorization, tokens, userinfo and keys, which does
//! what the standard says until a test tells it otherwise.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::identity::SigningKey;

type Pairs = HashMap<String, String>;

/// How it behaves when it is asked for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It answers.
    Well,
    /// It hangs up on everybody.
    Away,
    /// It takes requests and says nothing.
    Silent,
}

/// What it says and does; a test may change all of it at any time.
pub struct Ways {
    /// Members of its description of itself that are not as usual; `null` takes one away.
    pub description: Value,
    /// Claims of the next ID tokens that are not as usual; `null` takes one away.
    pub claims: Value,
    /// What it gives out instead of an ID token.
    pub token: Option<String>,
    /// What userinfo says; `null`: there is no such address in the description.
    pub userinfo: Value,
    /// What ID tokens are signed with.
    pub signs_with: SigningKey,
    /// What stands in the key set; `None`: the key that it signs with.
    pub keys: Option<Value>,
    /// The client's secret; `None`: it has none.
    pub secret: Option<&'static str>,
    /// How it behaves.
    pub mood: Mood,
    /// Whom it lets in; `false`: nobody.
    pub lets_in: bool,
}

struct Shared {
    address: SocketAddr,
    ways: Mutex<Ways>,
    /// What was asked for with each code that is not used yet.
    codes: Mutex<HashMap<String, Pairs>>,
    /// Path and body of every request.
    seen: Mutex<Vec<(String, String)>>,
    is_over: AtomicBool,
}

/// A provider; gone when dropped.
pub struct OidcProvider(Arc<Shared>);

/// What it calls its client.
pub const CLIENT_ID: &str = "promptster";

impl OidcProvider {
    /// Starts one that signs in `wren@example.org`.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let ways = Mutex::new(Ways {
            description: json!({}),
            claims: json!({}),
            token: None,
            userinfo: Value::Null,
            signs_with: SigningKey::new("first", "ES256"),
            keys: None,
            secret: None,
            mood: Mood::Well,
            lets_in: true,
        });
        let (codes, seen, is_over) = Default::default();
        let shared = Arc::new(Shared { address, ways, codes, seen, is_over });
        let server = Self(shared.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = shared.clone();
                // A client that hangs up is its own business.
                std::thread::spawn(move || drop(answer(stream, &shared)));
            }
        });
        server
    }

    /// Its issuer.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.0.issuer()
    }

    /// What it says and does, to be changed.
    ///
    /// # Panics
    /// When a test panicked with it in its hands.
    pub fn ways(&self) -> MutexGuard<'_, Ways> {
        self.0.ways.lock().expect("nobody panicked")
    }

    /// The bodies of all requests so far to this path.
    ///
    /// # Panics
    /// When an earlier call did.
    #[must_use]
    pub fn asked(&self, path: &str) -> Vec<String> {
        let seen = self.0.seen.lock().expect("nobody panicked");
        seen.iter().filter(|(asked, _)| asked == path).map(|(_, body)| body.clone()).collect()
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.0.address));
    }
}

impl Shared {
    fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Status, header and body of the answer to a request.
    fn reply(&self, target: &str, authorization: &str, body: &str) -> (u16, String, String) {
        let ways = self.ways.lock().expect("nobody panicked");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let json = |status, body: &Value| (status, "Content-Type: application/json".to_owned(), body.to_string());
        match path {
            "/.well-known/openid-configuration" => json(200, &self.description(&ways)),
            "/authorize" => (302, format!("Location: {}", self.lead_back(&ways, pairs(query))), String::new()),
            "/jwks" => json(200, &ways.keys.clone().unwrap_or_else(|| json!({"keys": [ways.signs_with.jwk()]}))),
            "/userinfo" if authorization == "Bearer access" => json(200, &ways.userinfo),
            "/token" => match self.grant(&ways, &pairs(body), authorization) {
                Ok(granted) => json(200, &granted),
                Err(error) => json(400, &json!({ "error": error })),
            },
            _ => json(404, &json!({})),
        }
    }

    fn description(&self, ways: &Ways) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer());
        let mut description = json!({
            "issuer": self.issuer(),
            "authorization_endpoint": at("/authorize?prompt=login"),
            "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"),
        });
        if !ways.userinfo.is_null() {
            change(&mut description, &json!({"userinfo_endpoint": at("/userinfo")}));
        }
        change(&mut description, &ways.description);
        description
    }

    fn lead_back(&self, ways: &Ways, asked: Pairs) -> String {
        let of = |name: &str| asked.get(name).cloned().unwrap_or_default();
        let mut answer = form_urlencoded::Serializer::new(String::new());
        answer.append_pair("state", &of("state")).append_pair("iss", &self.issuer());
        let is_good =
            of("response_type") == "code" && of("client_id") == CLIENT_ID && of("code_challenge_method") == "S256";
        if is_good && ways.lets_in {
            let mut codes = self.codes.lock().expect("nobody panicked");
            let code = format!("code-{}-{}", codes.len(), of("nonce"));
            answer.append_pair("code", &code);
            codes.insert(code, asked.clone());
        } else {
            answer.append_pair("error", if is_good { "access_denied" } else { "invalid_request" });
        }
        format!("{}?{}", of("redirect_uri"), answer.finish())
    }

    fn grant(&self, ways: &Ways, asked: &Pairs, authorization: &str) -> Result<Value, &'static str> {
        let of = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
        let by_header = |secret: &str| {
            let pair = base64::engine::general_purpose::STANDARD.encode(format!("{CLIENT_ID}:{secret}"));
            authorization == format!("Basic {pair}")
        };
        let is_client = match ways.secret {
            Some(secret) => by_header(secret) || (of("client_id") == CLIENT_ID && of("client_secret") == secret),
            None => of("client_id") == CLIENT_ID,
        };
        if !is_client {
            return Err("invalid_client");
        }
        let begun = self.codes.lock().expect("nobody panicked").remove(of("code")).ok_or("invalid_grant")?;
        let challenge = ring::digest::digest(&ring::digest::SHA256, of("code_verifier").as_bytes());
        let is_same = begun.get("code_challenge") == Some(&URL_SAFE_NO_PAD.encode(challenge))
            && begun.get("redirect_uri").map(String::as_str) == Some(of("redirect_uri"));
        if of("grant_type") != "authorization_code" || !is_same {
            return Err("invalid_grant");
        }
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let mut claims = json!({
            "iss": self.issuer(), "aud": CLIENT_ID, "sub": "wren", "iat": now_s, "exp": now_s + 300,
            "nonce": begun.get("nonce"), "email": "wren@example.org", "email_verified": true,
        });
        change(&mut claims, &ways.claims);
        let token = ways.token.clone().unwrap_or_else(|| ways.signs_with.token(&claims));
        Ok(json!({"token_type": "Bearer", "access_token": "access", "id_token": token}))
    }
}

/// Puts members into an object; those that are `null` are taken away.
fn change(object: &mut Value, changes: &Value) {
    let (Some(object), Some(changes)) = (object.as_object_mut(), changes.as_object()) else { return };
    for (name, value) in changes {
        object.insert(name.clone(), value.clone());
    }
    object.retain(|_, value| !value.is_null());
}

fn pairs(text: &str) -> Pairs {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mood = shared.ways.lock().expect("nobody panicked").mood;
    if mood == Mood::Away {
        return Ok(());
    }
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let header = |wanted: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        let mut found =
            lines.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned());
        found.next_back().unwrap_or_default()
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    shared.seen.lock().expect("nobody panicked").push((path, body.clone()));
    if mood == Mood::Silent {
        while !shared.is_over.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(50));
        }
        return Ok(());
    }
    let (status, header, body) = shared.reply(target, &header("authorization"), &body);
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Said\r\n{header}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())
}
