//! What every crate's manifest has.

use super::{Finding, Source};
use crate::workspace::{self, Setting};

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let settings: Vec<_> = workspace::settings(&source.text).collect();
    if !settings.iter().any(|setting| setting.section == "package") {
        return Vec::new();
    }
    let has = |section: &str, key: &str, accepts: fn(&str) -> bool| {
        settings.iter().any(|s| s.section == section && s.key == key && accepts(s.value))
    };
    let mut findings = Vec::new();
    if !has("lints", "workspace", |value| value == "true") {
        findings.push(source.finding(None, "needs `[lints] workspace = true`"));
    }
    if !has("package", "description", |value| value.len() > 2) {
        findings.push(source.finding(None, "needs a description"));
    }
    let loose = settings.iter().filter(|setting| is_dependency(setting) && !is_central(setting));
    findings.extend(loose.map(|setting| {
        source.finding(
            setting.line,
            format!("the version of {} belongs in the workspace's manifest", setting.key),
        )
    }));
    findings
}

fn is_dependency(setting: &Setting<'_>) -> bool {
    setting.section.rsplit('.').next().is_some_and(|table| table.ends_with("dependencies"))
}

/// Whether the version comes from the workspace, or from the tree.
fn is_central(setting: &Setting<'_>) -> bool {
    let Setting { key, value, .. } = setting;
    key.ends_with(".workspace") || value.contains("workspace = true") || value.contains("path = ")
}
