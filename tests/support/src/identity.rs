//! An identity provider: keys, tokens signed with them, and a real HTTP server that serves the key set.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::{Value, json};

/// Of tests alone: ring makes no RSA keys.
const RSA: &[u8] = include_bytes!("../keys/rsa-2048.pk8");

/// A key to sign tokens with.
pub struct SigningKey {
    kid: String,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl SigningKey {
    /// A key of one of `RS256`, `ES256` and `EdDSA`; the last two are new with each call.
    ///
    /// # Panics
    /// With another algorithm.
    #[must_use]
    pub fn new(kid: &str, algorithm: &str) -> Self {
        let random = SystemRandom::new();
        let pair = match algorithm {
            "RS256" => Pair::Rsa(RsaKeyPair::from_pkcs8(RSA).expect("the key is one")),
            "ES256" => {
                let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random);
                Pair::Ec(pair.expect("the key is one"))
            }
            "EdDSA" => {
                let made = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
                Pair::Ed(Ed25519KeyPair::from_pkcs8(made.as_ref()).expect("the key is one"))
            }
            other => panic!("no keys of {other}"),
        };
        Self { kid: kid.to_owned(), pair }
    }

    fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
        }
    }

    /// The public half, raw.
    #[must_use]
    pub fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The public half, as it stands in a key set.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let (kid, alg) = (&self.kid, self.algorithm());
        match &self.pair {
            Pair::Rsa(pair) => {
                let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "use": "sig", "kid": kid, "alg": alg, "n": encode(&n), "e": encode(&e)})
            }
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref().get(1..).expect("a point").split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "alg": alg, "x": encode(x), "y": encode(y)})
            }
            Pair::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "alg": alg, "x": encode(pair.public_key().as_ref())})
            }
        }
    }

    /// A token with these claims.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({"alg": self.algorithm(), "typ": "JWT", "kid": self.kid}), claims)
    }

    /// A token with this header, whatever it says.
    #[must_use]
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).expect("a signature");
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message.as_bytes()).expect("a signature").as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encode(&signature))
    }
}

/// Header and claims, to be signed in a way of the caller's own.
#[must_use]
pub fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()))
}

/// `message` with a signature by HMAC with `secret`: what somebody sends who takes a public key for one.
#[must_use]
pub fn signed_by_hmac(message: &str, secret: &[u8]) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    format!("{message}.{}", encode(ring::hmac::sign(&key, message.as_bytes()).as_ref()))
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A server that serves a key set, as long as it is up.
pub struct KeyServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    body: Mutex<Vec<u8>>,
    is_down: AtomicBool,
    is_over: AtomicBool,
    n_asked: AtomicUsize,
}

impl KeyServer {
    /// Starts one with these keys.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn start(keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let server = Self { address, shared: Arc::default() };
        server.serve(keys);
        let shared = server.shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                // A client that hangs up is its own business.
                drop(answer(stream, &shared));
            }
        });
        server
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/.well-known/jwks.json", self.address)
    }

    /// Serves these keys from now on.
    pub fn serve(&self, keys: &[&SigningKey]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
        self.serve_text(json!({ "keys": keys }).to_string());
    }

    /// Serves this text from now on.
    ///
    /// # Panics
    /// When an earlier call did.
    pub fn serve_text(&self, text: impl Into<Vec<u8>>) {
        *self.shared.body.lock().expect("nobody panicked") = text.into();
    }

    /// Hangs up on everybody, or not any more.
    pub fn set_down(&self, is_down: bool) {
        self.shared.is_down.store(is_down, Ordering::SeqCst);
    }

    /// How often somebody asked.
    #[must_use]
    pub fn n_asked(&self) -> usize {
        self.shared.n_asked.load(Ordering::SeqCst)
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    shared.n_asked.fetch_add(1, Ordering::SeqCst);
    if shared.is_down.load(Ordering::SeqCst) {
        return Ok(());
    }
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.extend_from_slice(&byte);
    }
    let body = shared.body.lock().expect("nobody panicked").clone();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), &body].concat())
}
