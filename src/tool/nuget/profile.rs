//! NuGet behind the proxy of `keyfob run`, and its variables: credentials by the name of a source, for .NET SDKs before 9.0.200, which
//! can start no native plugin.

use crate::tool::client::{Client, Publishes, Settings};
use crate::tool::profile::{Form, Profile, Variable};

/// Behind the proxy.
pub(super) static CLIENT: Client = Client {
    programs: &["dotnet", "nuget", "msbuild", "paket"],
    settings: &[
        Settings::Project("nuget.config"),
        Settings::Project("NuGet.config"),
        Settings::Project("NuGet.Config"),
        Settings::Project("Directory.Build.props"),
        Settings::Project("paket.dependencies"),
        Settings::Project("paket.lock"),
        Settings::Home(".nuget/NuGet/NuGet.Config"),
        Settings::Config("NuGet/NuGet.Config"),
        Settings::Named("DOTNET_CLI_HOME", ".nuget/NuGet/NuGet.Config"),
    ],
    publishes: Publishes::Words(&[&["nuget", "push"], &["nuget", "delete"], &["push"], &["delete"]]),
    logins: &["NuGetPackageSourceCredentials_*"],
    ..Client::BASE
};

/// By variable.
pub(super) static PROFILE: Profile =
    Profile { variables: &[Variable { name: "NuGetPackageSourceCredentials_{name}", form: Form::NuGet }] };
