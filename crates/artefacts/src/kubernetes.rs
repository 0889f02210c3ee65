//! The files for Kubernetes, which `packaging/kubernetes/generate` copies from rules and dashboards.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::artefact::{Artefact, files, read, stem};

const FOLDER: &str = "packaging/kubernetes";

/// All that it writes. It is a script, since whoever installs runs it too, with addresses of their own.
pub fn files_of_the_script() -> Result<Vec<Artefact>> {
    let folder = tempfile::tempdir()?;
    let status = Command::new(format!("{FOLDER}/generate")).arg(folder.path()).status()?;
    ensure!(status.success(), "{FOLDER}/generate fails");
    let written = files(&folder.path().to_string_lossy(), ".yaml")?;
    written
        .iter()
        .map(|file| Ok(Artefact { path: format!("{FOLDER}/{}.yaml", stem(file)), text: read(file)? }))
        .collect()
}
