//! How requests are read.

use super::*;

fn read(text: &[u8]) -> Result<Request, Error> {
    Request::read(&mut &text[..])
}

fn is_void(text: &[u8]) -> bool {
    read(text).and_then(|request| request.remote()).is_err()
}

#[test]
fn lf_and_crlf_read_alike() {
    for text in [
        &b"protocol=https\nhost=h\nusername=u\n\n"[..],
        b"protocol=https\r\nhost=h\r\nusername=u\r\n\r\n",
        b"protocol=https\nhost=h\nusername=u",
    ] {
        let request = read(text).unwrap();
        assert_eq!(request.remote().unwrap().to_string(), "https://h");
        assert_eq!(request.user.as_deref(), Some("u"));
    }
}

#[test]
fn reading_stops_at_the_empty_line_even_if_the_pipe_stays_open() {
    let mut input = &b"protocol=https\nhost=h\n\nhost=evil\n"[..];
    assert_eq!(Request::read(&mut input).unwrap().remote().unwrap().host(), "h");
    assert_eq!(input, b"host=evil\n");
}

#[test]
fn what_other_readers_stumbled_over_voids_the_request() {
    for text in [
        &b"protocol=https\nhost=github.com\nhost=evil\n"[..],
        b"protocol=https\nprotocol=http\nhost=h\n",
        b"protocol=https\nhost=github.com\rhost=evil\n",
        b"protocol=https\nhost=github.com\r\r\n",
        b"protocol=https\nhost=github.com\0.evil\n",
        b"protocol=https\nhost=h\nusername=a\nusername=b\n",
        b"protocol=https\nhost=h\npassword=a\npassword=b\n",
        b"protocol=https\nhost=h\nno equals sign\n",
        b"protocol=https\nhost=h\n=x\n",
        b"protocol=https\nhost=h\nusername=\x1b[2J\n",
        b"protocol=https\nhost=\xff\n",
        b"protocol=https\n",
        b"host=h\n",
        b"protocol=\nhost=h\n",
        b"protocol=https\nhost=\n",
        b"",
        b"\n",
        b"Protocol=https\nHost=h\n",
        b"protocol=cert\nhost=\n",
        b"url=https:///x\n",
        b"url=github.com\n",
        b"url=https://github.com%0ahost=evil/\n",
        b"protocol=https\nhost=h\r",
        b"url=https://h\nhost=evil\n",
        b"url=https://h\nurl=https://evil\n",
        b"protocol=https\nhost=h\npassword_expiry_utc=1\npassword_expiry_utc=2\n",
        b"protocol=https\nhost=h\nephemeral=1\nephemeral=0\n",
    ] {
        assert!(is_void(text), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn unknown_keys_and_equal_repeats_are_no_harm() {
    let request = read(
        b"protocol=https\nhost=h\nhost=h\nntlm=suppressed\nntlm=allow\nstate[]=x\nquit=1\nfuture\xff=\xff\n",
    )
    .unwrap();
    assert_eq!(request.remote().unwrap().to_string(), "https://h");
}

#[test]
fn an_empty_value_begins_a_list_anew() {
    let request = read(b"capability[]=authtype\ncapability[]=\ncapability[]=state\n").unwrap();
    assert!(!request.offers("authtype") && request.offers("state"));
}

#[test]
fn a_url_replaces_what_was_read_before() {
    let request =
        read(b"username=old\nprotocol=http\nhost=old\nurl=https://me%40x:p%20w@h:8443/a%20b\n").unwrap();
    assert_eq!(request.remote().unwrap().to_string(), "https://h:8443/a%20b");
    assert_eq!(request.user.as_deref(), Some("me@x"));
    assert_eq!(request.password.unwrap().expose(), b"p w");
}

#[test]
fn long_lines_are_read_whole_and_too_much_is_refused() {
    let mut text = b"protocol=https\nhost=badguy\nwwwauth[]=basic realm=".to_vec();
    text.extend(vec![b'a'; 200_000]);
    text.extend(b"host=victim\n");
    assert_eq!(read(&text).unwrap().remote().unwrap().host(), "badguy");
    text.extend(vec![b'a'; input::LIMIT]);
    assert!(is_void(&text));
}

#[test]
fn windows_logon_is_seen_in_lines_of_its_own_and_joined_ones() {
    for (header, expected) in [
        ("NTLM", true),
        ("Negotiate", true),
        ("negotiate TlRM", true),
        ("Bearer authorization_uri=https://x, Basic realm=\"y\", NTLM", true),
        ("Basic realm=\"NTLM\"", false),
        ("Bearer", false),
    ] {
        let request = read(format!("wwwauth[]={header}\n").as_bytes()).unwrap();
        assert_eq!(request.server_offers_windows_logon(), expected, "{header}");
    }
}

#[test]
fn an_end_that_is_zero_or_no_number_means_never() {
    for (value, expected) in [("0", None), ("soon", None), ("-5", None), ("1900000000", Some(1_900_000_000))]
    {
        let request = read(format!("password_expiry_utc={value}\n").as_bytes()).unwrap();
        assert_eq!(request.expires, expected, "{value}");
    }
}

#[test]
fn only_a_plain_no_is_not_ephemeral() {
    for (value, expected) in
        [("1", true), ("true", true), ("TRUE", true), ("2", true), ("", false), ("0", false), ("No", false)]
    {
        assert_eq!(read(format!("ephemeral={value}\n").as_bytes()).unwrap().ephemeral, expected, "{value}");
    }
}

#[test]
fn a_name_that_is_over_long_voids_the_request_and_a_token_does_not() {
    let long = "a".repeat(LONGEST + 1);
    assert!(is_void(format!("protocol=https\nhost=h\nusername={long}\n").as_bytes()));
    assert!(!is_void(format!("protocol=https\nhost=h\npassword={long}\n").as_bytes()));
}

#[test]
fn a_path_that_is_no_text_is_kept_apart_from_others() {
    let request = read(b"protocol=https\nhost=h\npath=a/\xe9\n").unwrap();
    assert_eq!(request.remote().unwrap().path(), ["a", "%E9"]);
}
