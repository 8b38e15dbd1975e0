/**
 * Colors for light and dark mode. Losses form a ramp of rising contrast with the page, so that failures stand out and
 * the order survives without color. Each line has a color of its own.
 */

/** Upper bounds of the classes, in points of accuracy lost compared with the mean without attackers. The last class has none. */
export const LOSS_BOUNDS = [2, 5, 10, 20, 40] as const;

export const LOSS_LABELS = ['under 2', '2–5', '5–10', '10–20', '20–40', '40 and more'] as const;

/** 0 for the smallest loss, up to LOSS_BOUNDS.length. NaN counts as the greatest. */
export function lossClass(lost: number): number {
  const found = LOSS_BOUNDS.findIndex((bound) => 100 * lost < bound);
  return found === -1 ? LOSS_BOUNDS.length : found;
}

interface Shade {
  readonly fill: string;
  readonly text: string;
}

export const lossShades: { readonly light: readonly Shade[]; readonly dark: readonly Shade[] } = {
  light: [
    { fill: '#e3eef6', text: '#1f3a4d' },
    { fill: '#f5ecd2', text: '#4a3b10' },
    { fill: '#f7d9a8', text: '#4f3205' },
    { fill: '#f0a868', text: '#401f02' },
    { fill: '#da6244', text: '#ffffff' },
    { fill: '#a51d2d', text: '#ffffff' },
  ],
  dark: [
    { fill: '#16283a', text: '#a9c8e2' },
    { fill: '#38321c', text: '#e3d5a0' },
    { fill: '#57401a', text: '#f3d9a4' },
    { fill: '#8a4c1a', text: '#ffe3c4' },
    { fill: '#c4502f', text: '#ffffff' },
    { fill: '#ee4458', text: '#ffffff' },
  ],
};

export const lineColors: { readonly light: readonly string[]; readonly dark: readonly string[] } = {
  light: ['#cf222e', '#b7791f', '#6f7d00', '#8250df', '#0a7f86', '#bf3989', '#2f7de1', '#10295c'],
  dark: ['#ff6b6b', '#e3b341', '#b9cc3d', '#b48bfa', '#3fc7c0', '#f386c4', '#66a9ff', '#d6e2ff'],
};

export const FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";

export const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
