//! The real pip behind the proxy: from a feed under its real host name, with a redirect to storage.

use std::path::Path;

use crate::support::npm_feed::TOKEN;
use crate::support::python_feed::PythonFeed;

use super::{CONTOSO, call, client};

#[test]
fn pip_downloads_and_nobody_else_sees_the_token() {
    let Some(pip) = client("pip-current/bin/pip") else { return };
    let feed = PythonFeed::new(Path::new("python3"), &[("contoso", TOKEN)]);
    feed.scene.add(CONTOSO, TOKEN);
    let index = "https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/";
    let words = format!("{} download --no-input --no-cache-dir --no-deps greeting", pip.display());
    feed.scene.append("requirements.txt", &format!("--index-url {index}\ngreeting\n"));
    let download = format!(
        "{} download --no-input --no-cache-dir --no-deps -r requirements.txt -d wheels",
        pip.display()
    );
    feed.scene.command("sh").args(["-c", &download]).run().fails();
    feed.proxy.log().take();
    call(&feed.scene, &download).run().succeeds();
    assert!(feed.scene.home().join("wheels/greeting-1.0-py3-none-any.whl").exists());
    feed.only_the_feed_saw(TOKEN);
    // The index by a variable, and on the command line.
    call(&feed.scene, &format!("{words} -d by-variable")).env("PIP_INDEX_URL", index).run().succeeds();
    call(&feed.scene, &format!("{words} -d by-option --index-url={index}")).run().succeeds();
    feed.only_the_feed_saw(TOKEN);
}
