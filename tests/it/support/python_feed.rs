//! A machine with a feed of Python packages within its reach, under the real host name and with one package in it.

use std::fs;
use std::path::Path;

use super::scene::Scene;
use crate::fakes::proxy::Proxy;
use crate::fakes::python_index::{PythonIndex, WHEEL};
use crate::fakes::tls::Authority;

const HOST: &str = "pkgs.dev.azure.com";

/// The machine, its feed, and the proxy through which it reaches it.
pub struct PythonFeed {
    pub scene: Scene,
    pub index: PythonIndex,
    pub proxy: Proxy,
}

impl PythonFeed {
    /// `python` makes the package; each pair of `tokens` is an organisation and the token that opens it.
    pub fn new(python: &Path, tokens: &[(&str, &str)]) -> PythonFeed {
        let mut scene = Scene::new();
        let index = PythonIndex::new(wheel(&scene, python), tokens);
        let rows = vec![(HOST, index.handler()), ("*.blob.core.windows.net", index.storage())];
        let authority = Authority::new();
        let proxy = Proxy::start(&authority, rows);
        scene.use_proxy(&proxy.url(), authority.pem());
        let pem = scene.home().join("authority.pem");
        scene
            .set("PIP_CERT", pem)
            .set("PIP_CONFIG_FILE", "/dev/null")
            .set("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        scene.set("PYTHONDONTWRITEBYTECODE", "1");
        PythonFeed { scene, index, proxy }
    }

    /// Nobody but the feed of contoso itself has seen the token.
    #[track_caller]
    pub fn only_the_feed_saw(&self, token: &str) {
        assert_eq!(self.proxy.log().hosts_that_saw(token), [HOST]);
        for entry in self.proxy.log().entries().iter().filter(|entry| entry.carries(token)) {
            assert!(entry.target.starts_with("/contoso/"), "{entry:?}");
        }
    }
}

/// A wheel, made by the standard library.
pub fn wheel(scene: &Scene, python: &Path) -> Vec<u8> {
    let script = format!(
        "import zipfile\n\
         info = 'greeting-1.0.dist-info/'\n\
         with zipfile.ZipFile('{WHEEL}', 'w') as wheel:\n\
         \x20   wheel.writestr('greeting.py', 'text = \"hello\"\\n')\n\
         \x20   wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: greeting\\nVersion: 1.0\\n')\n\
         \x20   wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n\
         \x20   names = ['greeting.py', info + 'METADATA', info + 'WHEEL', info + 'RECORD']\n\
         \x20   wheel.writestr(info + 'RECORD', ''.join(name + ',,\\n' for name in names))\n"
    );
    scene.command(python).args(["-c", &script]).run().succeeds();
    fs::read(scene.home().join(WHEEL)).unwrap()
}
