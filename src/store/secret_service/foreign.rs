//! Items that other programs keep in the same keyrings, for `keyfob import`: found by the attributes that those programs
//! give them, read, and destroyed by their object. The same rules as for our own: locked is not absent.

use crate::error::Error;
use crate::secret::Secret;

use super::super::StoreContext;
use super::client::{Client, ITEM, TOGETHER, still_there};

/// An item of another program.
#[derive(Debug)]
pub struct Item {
    /// The object, for [`delete`].
    pub object: String,
    /// What its program says of it.
    pub attributes: Vec<(String, String)>,
    /// Its secret; `None` when only the attributes were wanted.
    pub secret: Option<Secret>,
}

/// Every item with these attributes. `secrets`: also what is in them, for which the service may ask the person; without, nobody
/// is asked.
///
/// # Errors
/// [`Error::Locked`], [`Error::Silent`], [`Error::Unavailable`].
pub fn search(context: &StoreContext<'_>, marks: &[(&str, &str)], secrets: bool) -> Result<Vec<Item>, Error> {
    let mut client = Client::connect(context, context.timeout)?;
    if !secrets {
        client.never_ask();
    }
    let objects = client.search(marks, secrets)?;
    let session = if secrets { Some(client.session()?) } else { None };
    let mut items = Vec::new();
    // Two calls for each.
    for objects in objects.chunks(TOGETHER / 2) {
        let calls: Vec<(usize, Option<usize>)> = objects
            .iter()
            .map(|object| {
                let secret = session.as_ref().map(|session| client.get_secret(object, session));
                (client.attributes(object), secret)
            })
            .collect();
        for (object, (attributes, secret)) in objects.iter().zip(calls) {
            let Some(attributes) = still_there(client.read_attributes(attributes))? else { continue };
            let secret = match secret {
                None => None,
                Some(call) => match still_there(client.secret(call))? {
                    None => continue,
                    secret => secret,
                },
            };
            items.push(Item { object: object.clone(), attributes, secret });
        }
    }
    Ok(items)
}

/// Destroys an item; one that is not there any more is no error.
///
/// # Errors
/// As [`search`].
pub fn delete(context: &StoreContext<'_>, object: &str) -> Result<(), Error> {
    let mut client = Client::connect(context, context.timeout)?;
    // Deleted by a first call, an item could seem to be gone.
    client.introduce()?;
    match still_there(client.delete(object))? {
        Some(prompt) => client.confirm(&prompt, object, ITEM),
        None => Ok(()),
    }
}
