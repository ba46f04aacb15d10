//! Answers that mean no good, as switches of the fakes: any of them can stand in place of each answer of a service (or, for
//! [`Hostile::Endpoint`], be added to it). All of them are made up: no service is known to send them.

use std::time::Duration;

use super::http::{Request, Response};

/// What a service does in place of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostile {
    /// Names another host as the one to ask for tokens, beside the true answer.
    Endpoint,
    /// Sends everyone to another host.
    Away,
    /// Sends everyone to clear text.
    Plain,
    /// Sends everyone back to where they are.
    Loop,
    /// 401 with 200 kB of headers.
    LongHead,
    /// 401 whose challenge and reason hold control characters and what was sent.
    Control,
    /// 50 MB of JSON.
    Large,
    /// A body without end.
    Endless,
    /// Less than was announced.
    Short,
    /// Something else than HTTP.
    Other,
    /// One byte in a while.
    Drip,
}

impl Hostile {
    /// All that end without a deadline.
    pub const QUICK: &[Hostile] = &[
        Hostile::Endpoint,
        Hostile::Away,
        Hostile::Plain,
        Hostile::Loop,
        Hostile::LongHead,
        Hostile::Control,
        Hostile::Large,
        Hostile::Endless,
        Hostile::Short,
        Hostile::Other,
    ];

    /// What is sent in place of `answer`.
    pub fn spoil(self, request: &Request, answer: impl FnOnce() -> Response) -> Response {
        let to = |url: String| Response::new(302).header("Location", url);
        let shown = request.header("authorization").unwrap_or_default();
        match self {
            Hostile::Endpoint => answer()
                .header("X-VSS-AuthorizationEndpoint", "https://evil.test/")
                .header("X-TFS-FedAuthRedirect", "https://evil.test/")
                .header("Content-Location", "https://evil.test/")
                .header("Link", "<https://evil.test/>; rel=\"next\"")
                .header("Refresh", "0; url=https://evil.test/"),
            Hostile::Away => to(format!("https://evil.test{}", request.target)),
            Hostile::Plain => to(format!("http://{}{}", request.host, request.target)),
            Hostile::Loop => to(format!("{}{}", request.origin(), request.target)),
            Hostile::LongHead => Response::new(401).header("X-Long", "x".repeat(200_000)),
            Hostile::Control => Response::new(401)
                .header("WWW-Authenticate", "Basic realm=\"\t\u{7}\"")
                .header("X-TFS-ServiceError", format!("%1B%5B2J%0D%0A{}", shown.replace(' ', "%20"))),
            Hostile::Large => {
                let mut body = b"{\"authenticatedUser\":{\"id\":\"6\",\"providerDisplayName\":\"".to_vec();
                body.resize(50 << 20, b'x');
                body.extend_from_slice(b"\"}}");
                Response::with(200, "application/json", body)
            }
            Hostile::Endless => Response::with(200, "application/json", " ".repeat(8192)).endless(),
            Hostile::Short => Response::verbatim(200, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
            Hostile::Other => Response::verbatim(200, "SSH-2.0-OpenSSH_9.2p1 Debian\r\n"),
            Hostile::Drip => answer().dripping(Duration::from_secs(1)),
        }
    }
}
