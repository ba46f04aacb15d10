//! NuGet's part of the talk with a credential plugin, in NuGet's order: both sides shake hands, then the client introduces
//! itself, asks what the plugin can do, and asks for the credential of one source.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Until when the time is taken.
#[derive(Clone, Copy)]
pub(crate) enum Moment {
    /// The plugin's answer to our handshake.
    Handshake,
    /// The credential.
    Answer,
}

struct Talk {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// Talks with `child` about `source` until `moment`; the credential has to hold `expected`.
pub(crate) fn until(
    mut child: Child,
    moment: Moment,
    source: &str,
    expected: &str,
    start: Instant,
) -> Result<Duration, String> {
    let to = child.stdin.take().ok_or("no standard input")?;
    let from = BufReader::new(child.stdout.take().ok_or("no standard output")?);
    let time = Talk { to, from }.until(moment, source, expected, start);
    // Its end is not NuGet's concern, and not every plugin ends when its input does.
    let _ = child.kill();
    let _ = child.wait();
    time
}

impl Talk {
    fn until(
        mut self,
        moment: Moment,
        source: &str,
        expected: &str,
        start: Instant,
    ) -> Result<Duration, String> {
        let versions = json!({"ProtocolVersion": "2.0.0", "MinimumProtocolVersion": "1.0.0"});
        success(&self.ask("Handshake", versions)?)?;
        if let Moment::Handshake = moment {
            return Ok(start.elapsed());
        }
        success(&self.ask("MonitorNuGetProcessExit", json!({"ProcessId": std::process::id()}))?)?;
        let about = json!({"ClientVersion": "7.0.0", "Culture": "en", "RequestTimeout": "00:00:30"});
        success(&self.ask("Initialize", about)?)?;
        let claims = self.ask("GetOperationClaims", json!({}))?;
        if claims["Claims"] != json!(["Authentication"]) {
            return Err(format!("claims {claims}"));
        }
        success(&self.ask("SetLogLevel", json!({"LogLevel": "Minimal"}))?)?;
        let wanted =
            json!({"Uri": source, "IsRetry": false, "IsNonInteractive": true, "CanShowDialog": true});
        let answer = self.ask("GetAuthenticationCredentials", wanted)?;
        let time = start.elapsed();
        success(&answer)?;
        if answer["Password"].as_str() != Some(expected) {
            return Err(format!("answered {answer}"));
        }
        Ok(time)
    }

    /// Sends a request and returns the payload of its response; what the plugin asks meanwhile is granted.
    fn ask(&mut self, method: &str, payload: Value) -> Result<Value, String> {
        self.send(method, "Request", method, payload)?;
        loop {
            let mut line = String::new();
            if self.from.read_line(&mut line).map_err(|error| error.to_string())? == 0 {
                return Err(format!("ended before it answered {method}"));
            }
            let line = line.trim_start_matches('\u{feff}').trim();
            let message: Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
            let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
            match (text("Type").as_str(), text("RequestId") == method) {
                ("Request", _) => {
                    let mut granted = json!({"ResponseCode": "Success"});
                    if text("Method") == "Handshake" {
                        granted["ProtocolVersion"] = json!("2.0.0");
                    }
                    self.send(&text("RequestId"), "Response", &text("Method"), granted)?;
                }
                ("Response", true) => return Ok(message["Payload"].clone()),
                ("Progress", true) => {}
                _ => return Err(format!("sent {line}")),
            }
        }
    }

    fn send(&mut self, id: &str, kind: &str, method: &str, payload: Value) -> Result<(), String> {
        let message = json!({"RequestId": id, "Type": kind, "Method": method, "Payload": payload});
        self.to.write_all(format!("{message}\n").as_bytes()).map_err(|error| error.to_string())
    }
}

fn success(payload: &Value) -> Result<(), String> {
    if payload["ResponseCode"] == "Success" { Ok(()) } else { Err(format!("answered {payload}")) }
}
