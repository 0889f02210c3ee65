//! What dashboards ask for is there.

use super::model::{Dashboard, dashboards};
use crate::common::app::{AppOptions, TestApp};
use crate::common::database::Backend;
use crate::common::world::World;

#[tokio::test]
async fn what_is_asked_for_is_exported_or_recorded() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).webhook(1, "http://127.0.0.1:9/")).await;
    let samples = app.metrics().await.samples;
    let world = World::of(&samples);
    for query in dashboards().iter().flat_map(Dashboard::queries) {
        query.selectors().iter().for_each(|selector| world.assert_knows(selector, &query.place));
    }
}
