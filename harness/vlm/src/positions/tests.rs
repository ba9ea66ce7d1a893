//! Positions of text around images, and what is refused.

use serde_json::json;

use super::*;

const IMAGE: i64 = 9;

fn config() -> Config {
    Config::from_json(json!({
        "model_type": "qwen2_vl", "hidden_act": "silu", "hidden_size": 8,
        "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1,
        "intermediate_size": 8, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 1, 1]},
        "tie_word_embeddings": true, "vocab_size": 12, "image_token_id": IMAGE,
        "video_token_id": 10, "vision_start_token_id": 11,
        "vision_config": {
            "depth": 1, "embed_dim": 4, "hidden_size": 8, "mlp_ratio": 1, "num_heads": 1,
            "in_chans": 1, "patch_size": 1, "spatial_merge_size": 2, "temporal_patch_size": 1
        }
    }))
    .unwrap()
}

fn grid(h: i64, w: i64) -> Grid {
    Grid { t: 1, h, w }
}

fn positions(ids: &[i64], grids: &[Grid]) -> Result<Positions, String> {
    prompt_positions(ids, grids, &config())
}

#[test]
fn text_counts_all_axes_together() {
    let found = positions(&[1, 2, 3], &[]).unwrap();
    assert_eq!(found, Positions { axes: [(); 3].map(|()| vec![0, 1, 2]), next: 3 });
}

#[test]
fn an_image_spreads_and_the_text_goes_on_after_its_longer_side() {
    let ids = [1, IMAGE, IMAGE, IMAGE, IMAGE, IMAGE, IMAGE, 2];
    let found = positions(&ids, &[grid(4, 6)]).unwrap();
    assert_eq!(found.axes[0], [0, 1, 1, 1, 1, 1, 1, 4]);
    assert_eq!(found.axes[1], [0, 1, 1, 1, 2, 2, 2, 4]);
    assert_eq!(found.axes[2], [0, 1, 2, 3, 1, 2, 3, 4]);
    assert_eq!(found.next, 5);
}

#[test]
fn neighbouring_images_are_told_apart_by_their_sizes() {
    let found = positions(&[IMAGE, IMAGE, IMAGE], &[grid(2, 2), grid(4, 2)]).unwrap();
    assert_eq!(found.axes, [vec![0, 1, 1], vec![0, 1, 2], vec![0, 1, 1]]);
    assert_eq!(found.next, 3);
}

#[test]
fn placeholders_and_images_must_agree() {
    let check = |ids: &[i64], grids: &[Grid], expected: &str| {
        assert_eq!(positions(ids, grids).unwrap_err(), expected);
    };
    check(&[1, IMAGE], &[], "expected 0 images, found 1 more placeholders at token 1");
    check(&[1], &[grid(2, 2)], "expected placeholders for 1 more images, found none");
    check(
        &[1, IMAGE, 2, IMAGE],
        &[grid(2, 4)],
        "expected 2 placeholders for the image at token 1, found 1",
    );
    check(
        &[IMAGE, IMAGE, IMAGE],
        &[grid(2, 4)],
        "expected 1 images, found 1 more placeholders at token 2",
    );
}
