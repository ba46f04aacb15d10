//! Large files (the Git LFS batch interface with its basic transfer), behind a forge's door: objects in memory, and every
//! request of theirs needs the forge's own token.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::forge::{Behind, Token};
use super::http::{Request, Response};

const JSON: &str = "application/vnd.git-lfs+json";

/// The objects.
#[derive(Clone, Default)]
pub struct Objects {
    held: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Objects {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.held.lock().unwrap().len()
    }

    /// For [`super::forge::State::behind`].
    pub fn behind(&self) -> Behind {
        let objects = self.clone();
        Arc::new(move |request: &Request, _: &Token| objects.answer(request))
    }

    fn answer(&self, request: &Request) -> Option<Response> {
        let (before, rest) = request.path().split_once("/info/lfs/objects/")?;
        let mut held = self.held.lock().unwrap();
        Some(match (request.method.as_str(), rest) {
            ("POST", "batch") => {
                let base = format!("{}{before}/info/lfs/objects", request.origin());
                let asked: Value = serde_json::from_slice(&request.body).unwrap();
                let operation = asked["operation"].as_str().unwrap();
                let objects = asked["objects"].as_array().unwrap().iter();
                let objects: Vec<Value> = objects
                    .map(|object| {
                        let oid = object["oid"].as_str().unwrap();
                        if operation == "download" && !held.contains_key(oid) {
                            return json!({ "oid": oid, "size": object["size"], "error": { "code": 404, "message": "Not here" } });
                        }
                        // What let the batch in is repeated for the transfer, so that it needs no further question.
                        let header = json!({ "Authorization": request.header("authorization") });
                        let actions = json!({ operation: { "href": format!("{base}/{oid}"), "header": header } });
                        json!({ "oid": oid, "size": object["size"], "actions": actions })
                    })
                    .collect();
                Response::with(200, JSON, json!({ "transfer": "basic", "objects": objects }).to_string())
            }
            ("PUT", oid) => {
                held.insert(oid.to_owned(), request.body.clone());
                Response::new(200)
            }
            ("GET", oid) => match held.get(oid) {
                Some(bytes) => Response::with(200, "application/octet-stream", bytes.clone()),
                None => Response::new(404),
            },
            _ => Response::new(405),
        })
    }
}
