//! The variables that every command gets which `keyfob run` starts. With those of the [clients](super::Client) they are the one table
//! of its environment. Deliberately absent: what they hold in one run, which is the command's.

use super::{Holds, Variable};

/// Variables that most programs read, each with those that do: a command may start any of the clients.
pub const GENERAL: &[(&str, Variable)] = &[
    ("nearly all", Variable { name: "https_proxy", holds: Holds::Proxy }),
    ("nearly all", Variable { name: "HTTPS_PROXY", holds: Holds::Proxy }),
    ("nearly all", Variable { name: "http_proxy", holds: Holds::Proxy }),
    ("nearly all", Variable { name: "HTTP_PROXY", holds: Holds::Proxy }),
    ("nearly all", Variable { name: "no_proxy", holds: Holds::Exceptions }),
    ("nearly all", Variable { name: "NO_PROXY", holds: Holds::Exceptions }),
    (
        "OpenSSL, Go and .NET on Linux, uv, Ruby, PHP",
        Variable { name: "SSL_CERT_FILE", holds: Holds::Authorities },
    ),
    ("curl", Variable { name: "CURL_CA_BUNDLE", holds: Holds::Authorities }),
    ("Python's requests", Variable { name: "REQUESTS_CA_BUNDLE", holds: Holds::Authorities }),
    ("git", Variable { name: "GIT_SSL_CAINFO", holds: Holds::Authorities }),
    ("Node, Bun", Variable { name: "NODE_EXTRA_CA_CERTS", holds: Holds::MoreAuthorities }),
    ("Java", Variable { name: "JAVA_TOOL_OPTIONS", holds: Holds::Java }),
];
