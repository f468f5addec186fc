//! Which device the arithmetic runs on; a missing driver is a remedy, not a panic.

use crate::TrainError;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

/// A device by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// The processor; always there.
    Cpu,
    /// An NVIDIA card (cargo feature `cuda`).
    Cuda,
    /// Any card with a Vulkan driver (cargo feature `wgpu`).
    Wgpu,
}

impl DeviceKind {
    /// Opens the device and runs one addition on it.
    ///
    /// # Errors
    /// When this build lacks the feature, or the machine the driver.
    pub fn open(self) -> Result<Device, TrainError> {
        match self {
            DeviceKind::Cpu => Ok(Device::flex()),
            DeviceKind::Cuda => open_cuda(),
            DeviceKind::Wgpu => open_wgpu(),
        }
    }
}

#[cfg(feature = "cuda")]
fn open_cuda() -> Result<Device, TrainError> {
    probe(|| Device::cuda(0usize)).ok_or_else(|| {
        TrainError::Refused(
            "--device cuda: no usable NVIDIA driver. It needs libcuda (the driver), libnvrtc and the toolkit's \
             headers (CUDA_PATH/include); `nvidia-smi` must list a card. Or use --device cpu."
                .into(),
        )
    })
}

#[cfg(not(feature = "cuda"))]
fn open_cuda() -> Result<Device, TrainError> {
    Err(not_compiled_in("cuda"))
}

#[cfg(feature = "wgpu")]
fn open_wgpu() -> Result<Device, TrainError> {
    probe(|| Device::vulkan(burn::tensor::DeviceKind::DefaultDevice)).ok_or_else(|| {
        TrainError::Refused(
            "--device wgpu: no Vulkan device; install the card's driver (`vulkaninfo --summary` must list it). \
             Or use --device cpu."
                .into(),
        )
    })
}

#[cfg(not(feature = "wgpu"))]
fn open_wgpu() -> Result<Device, TrainError> {
    Err(not_compiled_in("wgpu"))
}

#[cfg(not(all(feature = "cuda", feature = "wgpu")))]
fn not_compiled_in(name: &str) -> TrainError {
    TrainError::Refused(format!(
        "--device {name}: this binary was built without it; build with `cargo build --release --features {name}`, \
         or use --device cpu"
    ))
}

/// The device, if an addition on it works. Drivers that are not there make the backends panic, silently here.
#[cfg_attr(not(any(feature = "cuda", feature = "wgpu")), allow(dead_code))]
fn probe(open: impl FnOnce() -> Device + std::panic::UnwindSafe) -> Option<Device> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let device = std::panic::catch_unwind(|| {
        let device = open();
        let sum = Tensor::<1>::ones([2], &device).sum().into_data();
        (sum.shape().num_elements() == 1).then_some(device)
    });
    std::panic::set_hook(hook);
    device.ok().flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_device_names_the_remedy() {
        assert!(DeviceKind::Cpu.open().is_ok());
        for kind in [DeviceKind::Cuda, DeviceKind::Wgpu] {
            if let Err(error) = kind.open() {
                let text = error.to_string();
                assert!(text.contains("--device cpu"), "{text}");
            }
        }
        assert!(probe(|| std::panic::resume_unwind(Box::new("no driver"))).is_none());
        assert!(probe(Device::flex).is_some());
    }
}
