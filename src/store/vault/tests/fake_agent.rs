//! What an ssh-agent may answer besides what it should: it is another program, and may be a forwarded one.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use ed25519_dalek::{Signer, SigningKey};

use super::*;
use crate::store::vault::ssh_agent::client::blob;

/// What it answers a request to sign this message, the how manieth of them: 64 bytes, or no.
pub(super) type Answer<'a> = &'a (dyn Fn(usize, &[u8]) -> Option<[u8; 64]> + Sync);

/// Runs `test` with an agent that holds these public keys. Returns how often it was asked to sign.
pub(super) fn with_agent(keys: &[[u8; 32]], answer: Answer<'_>, test: impl FnOnce(&Home)) -> usize {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut home = Home::new();
    home.environment = Environment::new([("SSH_AUTH_SOCK".into(), socket.clone().into())]);
    let (signed, over) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) > 0 {
                    break;
                }
                serve(stream.unwrap(), keys, answer, &signed);
            }
        });
        // Also when the test fails, since the other thread is waited for.
        let tested = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&home)));
        over.store(1, Ordering::SeqCst);
        drop(UnixStream::connect(&socket));
        tested.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    signed.into_inner()
}

fn serve(mut stream: UnixStream, keys: &[[u8; 32]], answer: Answer<'_>, signed: &AtomicUsize) {
    let text = |out: &mut Vec<u8>, bytes: &[u8]| {
        out.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        out.extend(bytes);
    };
    let mut length = [0; 4];
    while stream.read_exact(&mut length).is_ok() {
        let mut request = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut request).unwrap();
        let mut reply = Vec::new();
        if request[0] == 11 {
            reply.push(12);
            reply.extend(u32::try_from(keys.len()).unwrap().to_be_bytes());
            for key in keys {
                text(&mut reply, &blob(key));
                text(&mut reply, b"a key");
            }
        } else {
            // The key's blob has 51 bytes; behind it and its length stands the message, and the flags end it.
            let message = &request[1 + 4 + 51 + 4..request.len() - 4];
            match answer(signed.fetch_add(1, Ordering::SeqCst), message) {
                Some(signature) => {
                    let mut inner = Vec::new();
                    text(&mut inner, b"ssh-ed25519");
                    text(&mut inner, &signature);
                    reply.push(14);
                    text(&mut reply, &inner);
                }
                None => reply.push(5),
            }
        }
        let mut message = Vec::new();
        text(&mut message, &reply);
        if stream.write_all(&message).is_err() {
            return;
        }
    }
}

#[test]
fn only_an_agent_whose_signatures_are_the_keys_own_is_enrolled() {
    let (own, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let public = own.verifying_key().to_bytes();
    let counted: [u8; 32] = std::array::from_fn(|n| u8::try_from(n).unwrap());
    // The neutral element: without a strict check, this signature would fit every message.
    let mut weak = [0; 32];
    weak[0] = 1;
    let mut fits_all = [0; 64];
    fits_all[0] = 1;
    let refused: &[(&str, [u8; 32], Answer<'_>)] = &[
        ("a constant, for a key that is no point", counted, &|_, _| Some([b'A'; 64])),
        ("a constant, for a key that is one", public, &|_, _| Some([b'A'; 64])),
        ("zeros", public, &|_, _| Some([0; 64])),
        ("a weak key", weak, &|_, _| Some(fits_all)),
        ("another key's", public, &|_, message| Some(other.sign(message).to_bytes())),
        ("of another message", public, &|_, _| Some(own.sign(b"a login").to_bytes())),
        ("of the message without its end", public, &|_, message| {
            Some(own.sign(&message[..message.len() - 1]).to_bytes())
        }),
        ("damaged", public, &|_, message| {
            let mut signature = own.sign(message).to_bytes();
            signature[63] ^= 0x10;
            Some(signature)
        }),
        ("right once", public, &|count, message| {
            Some(if count == 0 { own.sign(message).to_bytes() } else { [b'A'; 64] })
        }),
        ("refused", public, &|_, _| None),
    ];
    for (name, claimed, answer) in refused {
        let (token, mut refusal) = (key("ana"), String::new());
        with_agent(&[*claimed], answer, |home| {
            home.vault().put(&token, &secret("a")).unwrap();
            refusal = home.vault().enrol_ssh_agent(None).unwrap_err().to_string();
            assert_eq!(names(&home.vault()), ["key-file"], "{name}");
        });
        assert!(refusal.contains("ssh-agent"), "{name}: {refusal}");
    }
    with_agent(&[public], &|_, message| Some(own.sign(message).to_bytes()), |home| {
        let token = key("ana");
        home.vault().put(&token, &secret("a")).unwrap();
        home.vault().enrol_ssh_agent(None).unwrap();
        fs::remove_file(home.key_file()).unwrap();
        assert_eq!(text(&home.vault(), &token).as_deref(), Some("a"));
    });
}

#[test]
fn an_agent_is_asked_for_few_signatures_however_many_slots_a_header_has() {
    let keys: Vec<SigningKey> = (1..=9).map(|n| SigningKey::from_bytes(&[n; 32])).collect();
    let publics: Vec<[u8; 32]> = keys.iter().map(|key| key.verifying_key().to_bytes()).collect();
    let enrolling = std::sync::atomic::AtomicBool::new(true);
    let at = AtomicUsize::new(0);
    let asked = with_agent(
        &publics,
        &|_, message| {
            let key = &keys[at.load(Ordering::SeqCst)];
            enrolling.load(Ordering::SeqCst).then(|| key.sign(message).to_bytes())
        },
        |home| {
            let token = key("ana");
            home.vault().put(&token, &secret("a")).unwrap();
            for (n, public) in publics.iter().enumerate() {
                at.store(n, Ordering::SeqCst);
                let fingerprint = ssh_agent::slot::fingerprint(&blob(public));
                home.vault().enrol_ssh_agent(Some(&fingerprint)).unwrap();
            }
            enrolling.store(false, Ordering::SeqCst);
            fs::remove_file(home.key_file()).unwrap();
            assert!(home.vault().get(&token).is_err());
        },
    );
    assert_eq!(asked, 2 * 9 + 4);
}
