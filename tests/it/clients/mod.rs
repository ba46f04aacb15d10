//! The real clients of packages behind the proxy of `keyfob run`, each to download and to publish, under the real host names.
//! `tests/run.sh clients` installs and runs them; npm, pip and Maven are in the ordinary part (`run`).
