//! Events as TensorBoard reads them: the part of its protocol buffers that is written here, in TFRecord's frames.
//!
//! Numbers of fields are those of `event.proto`, `summary.proto` and `tensor.proto`.

use crc::{CRC_32_ISCSI, Crc};
use prost::Message;

/// CRC-32C, by Castagnoli's polynomial.
static CRC_32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Added to a rotated checksum, so that one of data that holds checksums is none of its parts.
const MASK: u32 = 0xa282_ead8;

/// `SessionLog.START`.
const START: i32 = 1;

/// `DataType.DT_STRING`.
const STRING: i32 = 7;

/// Something that happened at a step.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub(super) wall_time: f64,
    #[prost(int64, tag = "2")]
    pub(super) step: i64,
    #[prost(string, optional, tag = "3")]
    pub(super) file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub(super) summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    pub(super) session_log: Option<SessionLog>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub(super) value: Vec<SummaryValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SummaryValue {
    #[prost(string, tag = "1")]
    pub(super) tag: String,
    #[prost(float, optional, tag = "2")]
    pub(super) simple_value: Option<f32>,
    #[prost(message, optional, tag = "8")]
    tensor: Option<Tensor>,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    string_val: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "2")]
    dim: Vec<Dim>,
}

#[derive(Clone, PartialEq, Message)]
struct Dim {
    #[prost(int64, tag = "1")]
    size: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin_data: Option<PluginData>,
}

#[derive(Clone, PartialEq, Message)]
struct PluginData {
    #[prost(string, tag = "1")]
    plugin_name: String,
}

impl Event {
    /// An empty event.
    pub(super) fn at(wall_time: f64, step: usize) -> Self {
        let step = step.try_into().unwrap_or(i64::MAX);
        Event { wall_time, step, file_version: None, summary: None, session_log: None }
    }

    /// What follows takes the place of all that has this step or a later one.
    pub(super) fn restart(wall_time: f64, step: usize) -> Self {
        let session_log = Some(SessionLog { status: START });
        Event { session_log, ..Event::at(wall_time, step) }
    }

    /// The event in its frame: its length and that length's checksum, the event and its checksum.
    pub(super) fn record(&self) -> Vec<u8> {
        let event = self.encode_to_vec();
        let length = (event.len() as u64).to_le_bytes();
        let length_checksum = masked_crc32c(&length).to_le_bytes();
        let event_checksum = masked_crc32c(&event).to_le_bytes();
        [&length[..], &length_checksum, &event, &event_checksum].concat()
    }
}

impl SummaryValue {
    pub(super) fn scalar(tag: String, value: f64) -> Self {
        SummaryValue { tag, simple_value: Some(value as f32), tensor: None, metadata: None }
    }

    pub(super) fn text(tag: &str, text: &str) -> Self {
        let shape = Some(Shape { dim: vec![Dim { size: 1 }] });
        let plugin_data = Some(PluginData { plugin_name: "text".to_owned() });
        SummaryValue {
            tag: tag.to_owned(),
            simple_value: None,
            tensor: Some(Tensor { dtype: STRING, shape, string_val: vec![text.into()] }),
            metadata: Some(Metadata { plugin_data }),
        }
    }
}

pub(super) fn masked_crc32c(bytes: &[u8]) -> u32 {
    CRC_32C.checksum(bytes).rotate_right(15).wrapping_add(MASK)
}
