//! Programs that tests run beside the servers; found, and installed when that is allowed, as these are.

use std::process::{Command, Stdio};

use crate::install::{Installable, PackageManager, Programs, complete, on_path};

/// A program that tests of the public API run, as those who use it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tool {
    /// curl.
    Curl,
    /// jq.
    Jq,
    /// Node.js 18 or newer with npm.
    Node,
    /// Python 3.11 or newer with venv.
    Python,
}

impl Tool {
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Curl => &["curl"],
            Self::Jq => &["jq"],
            Self::Node => &["node", "npm"],
            Self::Python => &["python3"],
        }
    }

    /// A statement that fails when the program is too old, or lacks a part that distributions package on its own.
    fn check(self) -> &'static [&'static str] {
        match self {
            Self::Curl | Self::Jq => &["--version"],
            Self::Node => &["-e", "process.exit(Number(process.versions.node.split('.')[0]) < 18 ? 1 : 0)"],
            Self::Python => &["-c", "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"],
        }
    }

    fn is_fit(self, programs: &Programs) -> bool {
        let Some(program) = self.programs().first() else { return false };
        let mut command = Command::new(programs.path(program));
        command.args(self.check()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

impl Installable for Tool {
    fn label(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Jq => "jq",
            Self::Node => "Node.js (18 or newer) with npm",
            Self::Python => "Python (3.11 or newer) with venv",
        }
    }

    fn packages(self, manager: PackageManager) -> &'static [&'static str] {
        match (self, manager) {
            (Self::Curl, _) => &["curl"],
            (Self::Jq, _) => &["jq"],
            (Self::Node, PackageManager::Homebrew) => &["node"],
            (Self::Node, _) => &["nodejs", "npm"],
            (Self::Python, PackageManager::Apt) => &["python3", "python3-venv"],
            (Self::Python, PackageManager::Dnf) => &["python3"],
            (Self::Python, PackageManager::Homebrew) => &["python"],
        }
    }

    fn candidates(self) -> Vec<Programs> {
        let folders = self.programs().first().and_then(|program| on_path(program)).into_iter().chain(["/usr/bin".into(), "/usr/local/bin".into()]);
        folders.filter_map(|folder| complete(self.programs(), folder)).filter(|programs| self.is_fit(programs)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checks_pass_for_what_is_here() {
        for tool in [Tool::Curl, Tool::Jq, Tool::Node, Tool::Python] {
            let program = on_path(tool.programs()[0]).and_then(|folder| complete(tool.programs(), folder));
            // What is not here, or too old, says nothing about the check.
            let Some(programs) = program else { continue };
            let mut command = Command::new(programs.path(tool.programs()[0]));
            let output = command.args(tool.check()).output().unwrap();
            assert!(!String::from_utf8_lossy(&output.stderr).contains("TypeError"), "{tool:?}: {output:?}");
        }
    }

    #[test]
    fn a_program_that_fails_its_check_is_not_fit() {
        let folder = tempfile::tempdir().unwrap();
        let script = |name: &str, text: &str| {
            use std::os::unix::fs::PermissionsExt;
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        script("node", "#!/bin/sh\nexit 1\n");
        assert!(complete(Tool::Node.programs(), folder.path().into()).is_none(), "npm is not there");
        script("npm", "#!/bin/sh\n");
        let old = complete(Tool::Node.programs(), folder.path().into()).unwrap();
        assert!(!Tool::Node.is_fit(&old));
        script("node", "#!/bin/sh\nexit 0\n");
        assert!(Tool::Node.is_fit(&old));
    }
}
