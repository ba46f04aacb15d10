//! What single programs write in ways of their own.

use super::*;

#[test]
fn a_netrc_in_any_layout_is_read_as_its_users_read_it() {
    let text = "# mine\nmachine a.example login \"al ice\" password #1\nmacdef init\nmachine no.example login x password y\n\n\
                machine b.example\n\taccount z # more\n\tlogin bob\n\tpassword \"p\\\"q\"\nmachine c.example login d\n\
                machine d.example login e password f machine e.example login g password h";
    let home = Home::with(".netrc", text);
    assert_eq!(
        home.found("netrc"),
        [
            "https://a.example al ice #1",
            "https://b.example bob p\"q",
            "https://d.example e f",
            "https://e.example g h",
        ]
    );
    let left = home.emptied("netrc", ".netrc");
    assert_eq!(
        left,
        "# mine\nmacdef init\nmachine no.example login x password y\n\nmachine c.example login d\n "
    );
}

#[test]
fn what_az_devops_keeps_in_its_file_is_read_as_its_own_code_writes_it() {
    let entry =
        |service: &str, token: &str| format!("[azdevops-cli:{service}]\npersonal access token = {token}\n\n");
    let name = ".azure/azuredevops/personalAccessTokens";
    let default = entry(" default", "0");
    let home = Home::with(
        name,
        [
            entry("https://dev.azure.com/contoso", "1"),
            entry("https://fabrikam.visualstudio.com", "2"),
            entry("https://tfs.example:8080/tfs", "3"),
            default.clone(),
        ]
        .concat(),
    );
    assert_eq!(
        home.found("az"),
        [
            "https://dev.azure.com/contoso - 1",
            "https://fabrikam.visualstudio.com - 2",
            "https://tfs.example:8080/tfs - 3",
        ]
    );
    let left = home.emptied("az", name);
    assert_eq!(left.trim_start_matches('\n'), default);
}

#[test]
fn the_active_user_of_gh_is_one_entry_and_both_its_lines_go() {
    let text = "github.com:\n    users:\n        alice:\n            oauth_token: one\n        bob:\n            oauth_token: \"two\"\n    \
                git_protocol: https\n    oauth_token: one\n    user: alice\nghe.example:\n    oauth_token: three\n    user: carl\n";
    let home = Home::with(".config/gh/hosts.yml", text);
    assert_eq!(
        home.found("gh"),
        ["https://github.com alice one", "https://github.com bob two", "https://ghe.example carl three"]
    );
    let left = home.emptied("gh", ".config/gh/hosts.yml");
    assert!(!left.contains("oauth_token") && left.contains("user: carl"), "{left}");
}

/// Whole tokens: their checksums fit.
const GITHUB: &str = "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";
const AZURE: &str = "aaatoaqdaqc3cyiga4eascqlbqgq4dyqcejhaeyuculbogazdinq";

#[test]
fn a_token_where_the_user_name_belongs_is_the_token_and_no_name() {
    for password in ["x-oauth-basic", "", GITHUB] {
        let line = format!("https://{GITHUB}:{password}@github.com\n");
        let found = Home::with(".git-credentials", line).found("git-store");
        assert_eq!(found, [format!("https://github.com - {GITHUB}")], "{password}");
    }
    let netrc = format!("machine github.com login {GITHUB} password x-oauth-basic\n");
    assert_eq!(Home::with(".netrc", netrc).found("netrc"), [format!("https://github.com - {GITHUB}")]);
    // Which of two it is, nobody can tell; neither is shown.
    let two = Home::with(".git-credentials", format!("https://{AZURE}:{GITHUB}@github.com/{GITHUB}\n"));
    let left = two.read("git-store").skipped;
    assert!(left[0].why.contains("two tokens") && left[0].what == "https://github.com/(token)", "{left:?}");
}

#[test]
fn nothing_that_may_be_a_piece_of_a_secret_is_shown_of_a_url() {
    assert_eq!(bare("https://alice:tok/en@host.example/x"), "https://(unreadable)");
    assert_eq!(bare("https://a:b@host.example:8443/x"), "https://host.example:8443/x");
    assert_eq!(bare("https://a:b@[::1]:8443/x"), "https://[::1]:8443/x");
    assert_eq!(bare("https://registry.example/@scope/x"), "https://registry.example/@scope/x");
}

#[test]
fn of_pips_urls_only_the_token_goes_and_twines_sections_stay() {
    let conf = "[global]\nindex-url = https://alice:t%40ken1@pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/\n; https://x:no@c.example\n\
                extra-index-url =\n    https://bob@one.example/simple\n    https://bob:t0ken2@two.example:8080/simple/\n    \
                https://v:${TOKEN}@three.example/\ntimeout = 60\n";
    let home = Home::with(".config/pip/pip.conf", conf);
    assert_eq!(
        home.found("pip"),
        [
            "https://pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple alice t@ken1",
            "https://two.example:8080/simple bob t0ken2",
        ]
    );
    assert_eq!(home.read("pip").skipped.len(), 1);
    let left = home.emptied("pip", ".config/pip/pip.conf");
    assert_eq!(left, conf.replace(":t%40ken1@", "@").replace(":t0ken2@", "@"));

    let pypirc = "[distutils]\nindex-servers =\n    pypi\n    mine\n\n[pypi]\nusername = __token__\npassword = pypi-1\n\n[mine]\n\
                  repository: https://pkgs.dev.azure.com/contoso/_packaging/f/pypi/upload/\nusername: alice\npassword: t0ken3\n\
                  [other]\npassword = x\n";
    let home = Home::with(".pypirc", pypirc);
    assert_eq!(
        home.found("pip"),
        [
            "https://upload.pypi.org/legacy __token__ pypi-1",
            "https://pkgs.dev.azure.com/contoso/_packaging/f/pypi/upload alice t0ken3",
        ]
    );
    let left = home.emptied("pip", ".pypirc");
    assert_eq!(left, pypirc.replace("password = pypi-1\n", "").replace("password: t0ken3\n", ""));
}

#[test]
fn cargos_tokens_go_with_their_line_and_a_header_is_taken_apart() {
    let text = "# mine\n[registry]\ntoken = \"t0ken1\" # of crates.io\n\n[registries.feed]\ntoken = \"Basic YWxpY2U6dDBrZW4y\"\n\n\
                [registries.other]\ntoken = 'Bearer t0ken3'\n[registries]\ninline = { token = \"t0ken4\" }\nnameless.token = \"t0ken5\"\n";
    let home = Home::with(".cargo/credentials.toml", text);
    home.write(
        ".cargo/config.toml",
        "[registries.feed]\nindex = \"sparse+https://pkgs.dev.azure.com/contoso/_packaging/f/Cargo/index/\"\n\
         [registries.other]\nindex = \"sparse+https://crates.example/\"\n[registries]\ninline = { index = \"sparse+https://in.example/\" }\n",
    );
    assert_eq!(
        home.found("cargo"),
        [
            "https://index.crates.io cargo t0ken1",
            "https://pkgs.dev.azure.com/contoso/_packaging/f/Cargo/index alice t0ken2",
            "https://crates.example cargo t0ken3",
        ]
    );
    let why: Vec<String> = home.read("cargo").skipped.into_iter().map(|skipped| skipped.why).collect();
    assert_eq!(
        why,
        ["other settings stand on its line", "no registry of that name tells its URL in config.toml"]
    );
    let left = home.emptied("cargo", ".cargo/credentials.toml");
    let tokens = ["t0ken1", "YWxpY2U6dDBrZW4y", "t0ken3"];
    let rest: String =
        text.split_inclusive('\n').filter(|line| !tokens.iter().any(|token| line.contains(token))).collect();
    assert_eq!(left, rest);
}

#[test]
fn a_server_of_mavens_goes_where_its_id_tells_the_url() {
    let server = |id: &str, password: &str| {
        format!(
            "    <server><id>{id}</id><username>alice</username><password>{password}</password></server>\n"
        )
    };
    let all = [
        ("feed", "t0ken&amp;1"),
        ("poms", "t0ken2"),
        ("sealed", "{COQLCE6DU6GtcS5P=}"),
        ("env", "${env.TOKEN}"),
    ];
    let servers: String = all.iter().map(|(id, password)| server(id, password)).collect();
    let repository =
        |id: &str| format!("<repository><id>{id}</id><url>https://{id}.example/maven</url></repository>");
    let text = format!(
        "<?xml version=\"1.0\"?>\n<settings>\n  <servers>\n{servers}  </servers>\n  <profiles><profile><id>x</id><repositories>{}{}{}\
         </repositories></profile></profiles>\n</settings>\n",
        repository("feed"),
        repository("sealed"),
        repository("env")
    );
    let home = Home::with(".m2/settings.xml", &text);
    assert_eq!(home.found("maven"), ["https://feed.example/maven alice t0ken&1"]);
    let why =
        home.read("maven").skipped.into_iter().map(|skipped| skipped.why).collect::<Vec<_>>().join("; ");
    for reason in ["no repository or mirror", "is encrypted", "from a variable"] {
        assert!(why.contains(reason), "{why}");
    }
    assert_eq!(home.emptied("maven", ".m2/settings.xml"), text.replace(&server("feed", "t0ken&amp;1"), ""));
}

#[test]
fn glabs_tokens_are_read_and_those_of_a_sign_in_stay() {
    let text = "git_protocol: ssh\nhosts:\n    gitlab.com:\n        token: !!null glpat-one\n        api_host: gitlab.com\n        user: alice\n    \
                gitlab.corp.example:\n        token: \"two\"\n        api_protocol: https\n    signed.example:\n        is_oauth2: \"true\"\n        \
                token: three\n        oauth2_refresh_token: four\n";
    let home = Home::with(".config/glab-cli/config.yml", text);
    assert_eq!(
        home.found("glab"),
        ["https://gitlab.com alice glpat-one", "https://gitlab.corp.example - two"]
    );
    let left = home.emptied("glab", ".config/glab-cli/config.yml");
    assert_eq!(
        left,
        text.replace("        token: !!null glpat-one\n", "").replace("        token: \"two\"\n", "")
    );
}
