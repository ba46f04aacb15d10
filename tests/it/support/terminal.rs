//! keyfob at a terminal, which `script` of util-linux lends, and the person's side of the conversation.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::scene::Scene;

/// keyfob at a terminal, and the person's side of it.
pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: String,
    from: usize,
}

impl Terminal {
    pub fn begin(scene: &Scene, words: &str) -> Terminal {
        Terminal::begin_shell(scene, &format!("keyfob {words}"))
    }

    pub fn begin_shell(scene: &Scene, line: &str) -> Terminal {
        let call = scene.command("script").args(["-q", "-e", "-c", line, "/dev/null"]);
        let mut child = call.start().spawn().unwrap();
        let (send, screen) = channel();
        let mut output = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut part) {
                let _ = send.send(part[..read].to_vec());
            }
        });
        Terminal { keys: child.stdin.take().unwrap(), child, screen, seen: String::new(), from: 0 }
    }

    /// Waits until this stands on the screen.
    #[track_caller]
    pub fn sees(&mut self, text: &str) -> &mut Terminal {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(at) = self.seen[self.from..].find(text) {
                self.from += at + text.len();
                return self;
            }
            match self.screen.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(part) => self.seen.push_str(&String::from_utf8_lossy(&part)),
                Err(_) => panic!("{text} is not in\n{}", self.seen),
            }
        }
    }

    pub fn types(&mut self, text: &str) -> &mut Terminal {
        self.keys(&format!("{text}\r"))
    }

    pub fn keys(&mut self, keys: &str) -> &mut Terminal {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        self
    }

    /// The exit code and all that stood on the screen.
    pub fn end(mut self) -> (i32, String) {
        while let Ok(part) = self.screen.recv_timeout(Duration::from_secs(60)) {
            self.seen.push_str(&String::from_utf8_lossy(&part));
        }
        (self.child.wait().unwrap().code().unwrap(), self.seen)
    }
}

/// A scene in which questions are asked.
pub fn at_a_terminal(mut scene: Scene) -> Scene {
    // The scene says that nobody can be asked.
    scene.unset("GIT_TERMINAL_PROMPT").set("TERM", "dumb");
    scene
}
